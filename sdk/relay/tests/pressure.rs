//! A relay that has less than it needs.

mod support;

use glasslink_protocol::SessionId;
use glasslink_relay::Relay;
use support::http::get;
use support::{Client, HelloFields, hello};

#[cfg(target_os = "linux")]
#[tokio::test]
async fn when_memory_is_short_new_sessions_wait_and_those_there_are_go_on() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::builder().data(data.path()).start().await.unwrap();
    Client::plain(&relay.url()).await.greet(hello(1)).await;
    relay.shutdown().await;

    // No process is this small.
    let relay = Relay::builder().data(data.path()).max_memory(1).start().await.unwrap();
    let mut known = Client::plain(&relay.url()).await;
    known.greet(HelloFields { attach: 2, ..hello(1) }).await;
    let mut new = Client::plain(&relay.url()).await;
    new.say_hello(HelloFields { session: SessionId(2), ..hello(2) }).await;
    assert_eq!(new.until_closed().await.1, Some(4503));
    let readiness = get(relay.local_addr(), "/readyz").await;
    assert!(readiness.status == 503 && readiness.text().contains("memory is short"), "{readiness:?}");
}

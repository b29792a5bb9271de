//! What client and relay log. A test binary of its own: what others do beside it would decide what `tracing` tells.

mod common;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use common::{soon, state};
use glasslink::Link;
use glasslink_relay::{Relay, RelayHandle};

async fn relay(address: SocketAddr) -> RelayHandle {
    Relay::builder().listen(address).start().await.unwrap()
}

/// What is logged, as JSON.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn client_and_relay_call_a_link_the_same_in_their_logs_across_reconnects() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber =
        tracing_subscriber::fmt().json().with_env_filter("glasslink=debug,glasslink_relay=debug");
    let _guard = tracing::subscriber::set_default(subscriber.with_writer(move || writer.clone()).finish());
    let first = relay(([127, 0, 0, 1], 0).into()).await;
    let address = first.local_addr();
    let (link, mut events) = Link::builder(first.url()).connect().unwrap();
    state(&mut events, "the link", |state| state.is_live().then_some(())).await;
    soon("the leave", first.shutdown()).await;
    let _second = relay(address).await;
    state(&mut events, "the link", |state| state.is_live().then_some(())).await;
    let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let ours: Vec<_> = lines
        .filter(|line| {
            line["spans"]
                .as_array()
                .is_some_and(|spans| spans.iter().any(|span| span["trace"] == link.trace()))
        })
        .collect();
    let said = |target: &str, message: &str| {
        let of =
            ours.iter().filter(|line| line["target"].as_str().is_some_and(|name| name.starts_with(target)));
        of.filter(|line| line["fields"]["message"] == message).count()
    };
    assert_eq!(said("glasslink_relay", "attached"), 2, "{text}");
    assert!(said("glasslink::", "link") > 2, "{text}");
}

use std::sync::Arc;
use std::time::Duration;

use glasslink_relay::{Relay, RelayHandle};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

use super::engine::Chatter;
use super::panics;

/// A relay that one thread's inputs share.
struct Shared {
    runtime: Runtime,
    relay: Option<RelayHandle>,
    url: String,
}

thread_local! {
    static SHARED: Shared = start();
}

fn start() -> Shared {
    panics::of_ours();
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let relay = Relay::builder().engine(Arc::new(Chatter)).start();
    let relay = runtime.block_on(relay).expect("a relay on a port of its own");
    let url = relay.url().replacen("http", "ws", 1);
    Shared { runtime, relay: Some(relay), url }
}

/// Runs a client against the relay, and sees to it that nothing of it is left, and nothing broke.
pub(super) fn with<F: Future<Output = ()>>(client: impl FnOnce(String) -> F) {
    SHARED.with(|shared| {
        let before = panics::of_ours();
        shared.runtime.block_on(async {
            client(shared.url.clone()).await;
            let over = async {
                while shared.relay.as_ref().is_some_and(|relay| relay.sessions() > 0) {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(Duration::from_mins(1), over).await.expect("its session ends with it");
        });
        assert_eq!(panics::of_ours(), before, "the relay panicked");
    });
}

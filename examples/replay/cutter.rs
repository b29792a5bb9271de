use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use glasslink::LinkState;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// A proxy between client and relay that breaks for real: connections are torn down and new ones are refused for a
/// while, again and again.
pub(crate) struct Cutter {
    listener: TcpListener,
    relay: SocketAddr,
    every: Duration,
    outage: Duration,
}

impl Cutter {
    pub(crate) async fn new(host: &str, port: u16, every: Duration, outage: Duration) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the proxy that cuts")?;
        let relay = lookup_host((host, port)).await.ok().and_then(|mut addresses| addresses.next());
        let relay = relay.with_context(|| {
            format!("the relay's name {host} does not resolve: check the address and the name server")
        })?;
        Ok(Self { listener, relay, every, outage })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().context("the proxy that cuts has no address")
    }

    /// Forwards until it is dropped. A cut comes one interval after the link is live, again and again: a link that
    /// never was healthy would only show how patient its back-off is.
    pub(crate) async fn run(self, mut state: watch::Receiver<LinkState>) {
        let mut connections = JoinSet::new();
        let (mut next_cut, mut back_at) = (None, None::<Instant>);
        loop {
            let cut = async {
                match next_cut {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                accepted = self.listener.accept() => {
                    let Ok((client, _)) = accepted else { continue };
                    if back_at.is_none_or(|back_at| Instant::now() >= back_at) {
                        connections.spawn(forward(client, self.relay));
                    }
                }
                Ok(()) = state.changed(), if next_cut.is_none() => {
                    if state.borrow_and_update().is_live() {
                        next_cut = Some(Instant::now() + self.every);
                    }
                }
                () = cut => {
                    connections.abort_all();
                    back_at = Some(Instant::now() + self.outage);
                    next_cut = None;
                    state.mark_unchanged();
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn forward(mut client: TcpStream, relay: SocketAddr) {
    if let Ok(mut relay) = TcpStream::connect(relay).await {
        let _ = (client.set_nodelay(true), relay.set_nodelay(true));
        let _ = tokio::io::copy_bidirectional_with_sizes(&mut client, &mut relay, 4096, 4096).await;
    }
}

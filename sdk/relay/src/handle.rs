use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::limits;
use crate::shared::Shared;

/// A relay that runs. Dropped, it stops at once; [`shutdown`](Self::shutdown) takes leave first.
pub struct RelayHandle {
    shared: Arc<Shared>,
    address: SocketAddr,
    encrypted: bool,
    accepting: JoinHandle<()>,
}

impl RelayHandle {
    pub(crate) fn new(
        shared: Arc<Shared>,
        address: SocketAddr,
        encrypted: bool,
        accepting: JoinHandle<()>,
    ) -> Self {
        Self { shared, address, encrypted, accepting }
    }

    /// Where it listens, with the port it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address clients on this machine connect to.
    pub fn url(&self) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("{scheme}://{address}")
    }

    /// Sessions there are, attached or not.
    pub fn sessions(&self) -> usize {
        self.shared.registry.sessions()
    }

    /// Takes leave: `/readyz` says no, every client hears `restarting`, what was said and can be
    /// transcribed within 4 s is, and connections close with 1012.
    pub async fn shutdown(mut self) {
        self.shared.draining.cancel();
        self.shared.sessions.close();
        let _ = timeout(limits::LEAVE, self.shared.sessions.wait()).await;
        self.shared.stopping.cancel();
        self.shared.connections.close();
        let _ = timeout(limits::CLOSING, self.shared.connections.wait()).await;
        let _ = (&mut self.accepting).await;
        let _ = timeout(limits::LEAVE, self.shared.database.close()).await;
    }
}

impl Drop for RelayHandle {
    fn drop(&mut self) {
        self.shared.draining.cancel();
        self.shared.stopping.cancel();
    }
}

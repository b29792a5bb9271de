use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use glasslink_protocol::pairing::Fingerprint;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::identity::{AuditNote, Keys, KeysError};
use crate::limits;
use crate::server::{Certificate, TlsError};
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
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("{scheme}://{address}")
    }

    /// Says where devices reach the relay, whoever offers them to pair; and looks after the certificate.
    pub(crate) async fn announce(&self, url: String) -> Result<(), KeysError> {
        let keys = self.keys();
        let certificate = self.shared.certificate.clone();
        let fingerprint = certificate.as_ref().map(Certificate::fingerprint);
        let of_task = keys.clone();
        let said = spawn_blocking(move || of_task.relay_is_at(&url, fingerprint)).await;
        said.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))?;
        if let Some(certificate) = certificate {
            let (stopping, audit) = (self.shared.stopping.clone(), self.shared.credentials.audit().clone());
            tokio::spawn(certificate.watch(stopping, audit, move |fingerprint| say(&keys, fingerprint)));
        }
        Ok(())
    }

    pub(crate) fn audit(&self, note: AuditNote) {
        self.shared.credentials.audit().note(note);
    }

    /// SHA-256 of the relay's certificate, which paired devices know it by; `None` without TLS.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.shared.certificate.as_ref().map(Certificate::fingerprint)
    }

    /// Looks at the certificate's files at once, and not within 5 s. Where they cannot be used the relay goes on with
    /// what it has.
    pub fn reload_certificate(&self) -> Result<(), TlsError> {
        let Some(certificate) = &self.shared.certificate else { return Ok(()) };
        let looked = certificate.reload();
        let keys = self.keys();
        certificate.tell(&looked, self.shared.credentials.audit(), |fingerprint| say(&keys, fingerprint));
        looked.map(drop)
    }

    /// Sessions there are, attached or not.
    pub fn sessions(&self) -> usize {
        self.shared.registry.sessions()
    }

    /// Who is let in: devices, apps, and how another device is paired. Each call takes some milliseconds.
    pub fn keys(&self) -> Keys {
        self.shared.credentials.keys().clone()
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

fn say(keys: &Keys, fingerprint: Fingerprint) {
    if let Err(error) = keys.certificate_is(fingerprint) {
        tracing::error!(%error, "devices cannot be paired with the new certificate");
    }
}

/// Where others reach a relay that listens on `address`.
pub(crate) fn reached_at(mut address: SocketAddr, encrypted: bool) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(outward(address.is_ipv6()).unwrap_or_else(|| match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        }));
    }
    let scheme = if encrypted { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// This machine's address in its network. A datagram socket that is connected sends nothing: the system only looks which
/// way it would.
fn outward(is_ipv6: bool) -> Option<IpAddr> {
    let anywhere: &[(&str, &str)] =
        &[("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")][..if is_ipv6 { 2 } else { 1 }];
    anywhere.iter().find_map(|(own, other)| {
        let socket = UdpSocket::bind(own).ok()?;
        socket.connect(other).ok()?;
        Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
    })
}

impl Drop for RelayHandle {
    fn drop(&mut self) {
        self.shared.draining.cancel();
        self.shared.stopping.cancel();
    }
}

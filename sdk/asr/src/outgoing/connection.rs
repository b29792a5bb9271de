use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::{Reach, reach};
use super::{Origin, OutgoingError, Trust};

/// How long and how large things may get.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Resolving, connecting and the TLS handshake, together.
    pub connect: Duration,
    /// From the request to the last byte of its answer.
    pub answer: Duration,
    /// Bytes an answer's body may have.
    pub body: usize,
}

/// The way to registered origins.
pub struct Outgoing {
    origins: Vec<Origin>,
    /// Whether neighbours may be asked, too.
    private: bool,
    pub(super) bounds: Bounds,
    trust: Trust,
    names: Arc<dyn Names>,
}

/// An open connection.
pub(crate) type Wire = Box<dyn Stream>;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Turns names into addresses; a trait so that tests can lie.
pub(super) trait Names: Send + Sync {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Found<'a>;
}

pub(super) type Found<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// As the system has them.
struct System;

impl Names for System {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Found<'a> {
        Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
    }
}

impl Outgoing {
    pub fn new(origins: Vec<Origin>, private: bool, bounds: Bounds, trust: Trust) -> Self {
        Self { origins, private, bounds, trust, names: Arc::new(System) }
    }

    #[cfg(test)]
    pub(super) fn with_names(self, names: Arc<dyn Names>) -> Self {
        Self { names, ..self }
    }

    /// Connects to the origin of `uri`, if that is registered and where it leads is allowed.
    pub(crate) async fn open(&self, uri: &Uri) -> Result<(Origin, Wire), OutgoingError> {
        let origin = Origin::of(uri)?;
        if !self.origins.contains(&origin) {
            return Err(OutgoingError::NotRegistered { origin: origin.to_string() });
        }
        let within = self.bounds.connect;
        match timeout(within, self.connect(&origin)).await {
            Ok(wire) => Ok((origin, wire?)),
            Err(_) => Err(OutgoingError::Timeout { origin: origin.to_string(), within }),
        }
    }

    async fn connect(&self, origin: &Origin) -> Result<Wire, OutgoingError> {
        let addresses = self.addresses(origin).await?;
        let mut failed = "no address".to_owned();
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(tcp) => {
                    let _ = tcp.set_nodelay(true);
                    return if origin.tls { self.encrypt(origin, tcp).await } else { Ok(Box::new(tcp)) };
                }
                Err(error) => failed = error.to_string(),
            }
        }
        Err(OutgoingError::Connect { origin: origin.to_string(), detail: failed })
    }

    /// The checked addresses. One that is not allowed spoils them all: an honest name has none.
    pub(super) async fn addresses(&self, origin: &Origin) -> Result<Vec<SocketAddr>, OutgoingError> {
        let Origin { tls, host, port } = origin;
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, *port)],
            Err(_) => self
                .names
                .resolve(host, *port)
                .await
                .map_err(|error| OutgoingError::Resolve { host: host.clone(), detail: error.to_string() })?,
        };
        let found: Vec<_> =
            found.into_iter().map(|found| SocketAddr::new(found.ip().to_canonical(), *port)).collect();
        for found in &found {
            match reach(found.ip()) {
                Reach::Public if !tls => {
                    return Err(OutgoingError::Unencrypted { origin: origin.to_string() });
                }
                Reach::Public => {}
                Reach::Private if self.private => {}
                Reach::Private | Reach::Never => {
                    return Err(OutgoingError::Address { host: host.clone(), address: found.ip() });
                }
            }
        }
        Ok(found)
    }

    async fn encrypt(&self, origin: &Origin, tcp: TcpStream) -> Result<Wire, OutgoingError> {
        let untrusted = |detail: String| OutgoingError::Tls { origin: origin.to_string(), detail };
        let config = self.trust.config().map_err(|error| untrusted(error.to_string()))?;
        let name = ServerName::try_from(origin.host.clone()).map_err(|error| untrusted(error.to_string()))?;
        let encrypted = TlsConnector::from(config).connect(name, tcp).await;
        Ok(Box::new(encrypted.map_err(|error| untrusted(error.to_string()))?))
    }
}

use std::io;
use std::net::SocketAddr;

use rustls::pki_types::ServerName;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::wire::{Side, Wire};

/// What is behind the proxy.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Backend {
    /// The connection, and its socket.
    pub(crate) async fn connect(&self) -> io::Result<(Side, Wire)> {
        let wire = Wire::connect(self.address).await?;
        let Some((connector, name)) = &self.tls else { return Ok((Side::Plain(wire.clone()), wire)) };
        let stream = connector.connect(name.clone(), wire.clone()).await?;
        Ok((Side::Tls(Box::new(TlsStream::Client(stream))), wire))
    }
}

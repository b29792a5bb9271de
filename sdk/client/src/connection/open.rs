use std::net::SocketAddr;
use std::sync::Arc;

use glasslink_protocol::{Cause, MAX_TEXT_BYTES, SUBPROTOCOL};
use rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::dial::dial;
use super::socket::Transport;
use super::{Failure, Roots, Socket};
use crate::address::RelayAddress;
use crate::credentials::Credentials;

/// Transcript events are a few hundred bytes; the library's default is 128 KiB a connection.
const READ_BUFFER: usize = 4 << 10;

/// Messages of a catch-up share a system call.
const WRITE_BUFFER: usize = 16 << 10;

/// Opens connections to one relay.
pub(crate) struct Connector {
    pub(crate) address: RelayAddress,
    pub(crate) credentials: Option<Arc<dyn Credentials>>,
    pub(crate) roots: Arc<Roots>,
    /// Where to connect instead of where the relay's name leads.
    pub(crate) through: Option<SocketAddr>,
}

impl Connector {
    /// One attempt. The session bounds its time.
    pub(crate) async fn connect(&self) -> Result<Socket, Failure> {
        let request = self.request().await?;
        let tcp = match self.through {
            Some(address) => dial(&address.ip().to_string(), address.port()).await?,
            None => dial(self.address.host(), self.address.port()).await?,
        };
        let transport: Box<dyn Transport> = if self.address.is_encrypted() {
            let name = ServerName::try_from(self.address.host().to_owned())
                .map_err(|error| Failure::new(Cause::Certificate, &error))?;
            let connector = self.roots.connector().await?;
            Box::new(connector.connect(name, tcp).await.map_err(|error| Failure::io(&error))?)
        } else {
            Box::new(tcp)
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(MAX_TEXT_BYTES))
            .max_frame_size(Some(MAX_TEXT_BYTES));
        let opened = tokio_tungstenite::client_async_with_config(request, transport, Some(config)).await;
        let (stream, _) = opened.map_err(|error| Failure::websocket(&error))?;
        Ok(Socket::new(stream))
    }

    async fn request(&self) -> Result<Request, Failure> {
        let mut request = self
            .address
            .uri()
            .clone()
            .into_client_request()
            .map_err(|error| Failure::new(Cause::ProtocolError, &error))?;
        let headers = request.headers_mut();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        if let Some(credentials) = &self.credentials {
            let token = credentials.token().await.map_err(|error| Failure::credentials(&error))?;
            headers.insert(AUTHORIZATION, token.header());
        }
        Ok(request)
    }
}

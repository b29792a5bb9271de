use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use glasslink_protocol::{Cause, HttpConnectionId, MAX_TEXT_BYTES, SUBPROTOCOL};
use glasslink_session::defaults::CONNECT_TIMEOUT;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::dial::dial;
use super::http::HttpSocket;
use super::proxy::{Proxies, tunnel};
use super::renewal::Held;
use super::websocket::WebSocket;
use super::{Failure, Roots, Socket, Transport};
use crate::address::RelayAddress;
use crate::credentials::Credentials;

/// Transcript events are a few hundred bytes; the library's default is 128 KiB a connection.
const READ_BUFFER: usize = 4 << 10;

/// Messages of a catch-up share a system call.
const WRITE_BUFFER: usize = 16 << 10;

/// What an attempt of the session's has, too.
const RETRY_TIMEOUT: Duration = CONNECT_TIMEOUT;

/// An upgrade is one round trip on a connection that is there already. With three of these HTTP is there, where
/// something swallows upgrades, before anybody gives a relay up that was never reached.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a connection runs over.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Opens connections to one relay.
pub(crate) struct Connector {
    pub(crate) address: RelayAddress,
    pub(crate) credentials: Option<Arc<dyn Credentials>>,
    /// The last token that was asked for.
    pub(crate) held: Held,
    pub(crate) roots: Arc<Roots>,
    /// Whom to trust in place of them, where the relay itself answers: the roots are still a proxy's.
    pub(crate) pinned: Option<Arc<Roots>>,
    /// Where to connect instead of where the relay's name leads.
    pub(crate) through: Option<SocketAddr>,
    pub(crate) proxies: Proxies,
    /// The only transport that the program wants.
    pub(crate) only: Option<Transport>,
}

impl Connector {
    /// One attempt. The session bounds its time.
    pub(crate) async fn connect(self: &Arc<Self>, transport: Transport) -> Result<Socket, Failure> {
        match transport {
            Transport::WebSocket => Ok(Socket::WebSocket(self.websocket().await?)),
            Transport::Http => {
                let id = HttpConnectionId(u128::from_ne_bytes(random()?));
                self.authorization().await?;
                Ok(Socket::Http(HttpSocket::open(self, id).await?))
            }
        }
    }

    /// A WebSocket through which messages pass, or nothing.
    pub(crate) async fn retry_websocket(&self) -> Option<Socket> {
        let attempt = async { self.websocket().await?.prove().await };
        match tokio::time::timeout(RETRY_TIMEOUT, attempt).await {
            Ok(Ok(socket)) => Some(Socket::WebSocket(socket)),
            Ok(Err(failure)) => {
                tracing::debug!(cause = failure.cause.code(), detail = %failure.detail, "no WebSocket yet");
                None
            }
            Err(_) => None,
        }
    }

    async fn websocket(&self) -> Result<WebSocket, Failure> {
        let request = self.request().await?;
        let wire = self.wire().await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(MAX_TEXT_BYTES))
            .max_frame_size(Some(MAX_TEXT_BYTES));
        let upgrade = tokio_tungstenite::client_async_with_config(request, wire, Some(config));
        let failure = match tokio::time::timeout(UPGRADE_TIMEOUT, upgrade).await {
            Ok(Ok((stream, _))) => return Ok(WebSocket::new(stream)),
            Ok(Err(error)) => Failure::websocket(&error),
            Err(_) => Failure::blocked(Cause::Timeout, "the upgrade was not answered"),
        };
        // As long as HTTP was not tried, it is not known whose word it is.
        Err(if self.only.is_none() { failure.doubted() } else { failure })
    }

    /// A stream of bytes to the relay, encrypted if its address says so.
    pub(super) async fn wire(&self) -> Result<Box<dyn Wire>, Failure> {
        let stream = self.stream().await?;
        if !self.address.is_encrypted() {
            return Ok(stream);
        }
        let name = ServerName::try_from(self.address.host().to_owned())
            .map_err(|error| Failure::new(Cause::Certificate, &error))?;
        let connector = self.pinned.as_ref().unwrap_or(&self.roots).connector().await?;
        Ok(Box::new(connector.connect(name, stream).await.map_err(|error| Failure::io(&error))?))
    }

    async fn stream(&self) -> Result<Box<dyn Wire>, Failure> {
        if let Some(address) = self.through {
            return Ok(Box::new(dial(&address.ip().to_string(), address.port()).await?));
        }
        match self.proxies.on_the_way(&self.address).await {
            Some(proxy) => tunnel(&proxy, &self.address, &self.roots).await,
            None => Ok(Box::new(dial(self.address.host(), self.address.port()).await?)),
        }
    }

    /// The relay refused the last token: whether another may be better.
    pub(crate) fn refused(&self) -> bool {
        self.credentials.as_ref().is_some_and(|credentials| credentials.refused())
    }

    /// Asks for a token.
    pub(super) async fn authorization(&self) -> Result<Option<HeaderValue>, Failure> {
        let Some(credentials) = &self.credentials else { return Ok(None) };
        let token = credentials.token().await.map_err(|error| Failure::credentials(&error))?;
        Ok(Some(self.held.hold(token)))
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
        if let Some(authorization) = self.authorization().await? {
            headers.insert(AUTHORIZATION, authorization);
        }
        Ok(request)
    }
}

fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    let random = ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| Failure::new(Cause::Tls, "the system gives no random numbers"))?;
    Ok(bytes)
}

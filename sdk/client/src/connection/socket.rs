use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use glasslink_protocol::CloseCode;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::http::HttpSocket;
use super::websocket::WebSocket;
use super::{Failure, Transport};

/// Most bytes waiting for a connection that does not take them. All a session sends before it wants an answer fits.
pub(super) const MAX_UNSENT: usize = 8 << 20;

/// How long a goodbye may take.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// An open connection that is read and written by one task, neither waiting for the other.
pub(crate) enum Socket {
    WebSocket(WebSocket),
    Http(HttpSocket),
}

/// What came over a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Text(Utf8Bytes),
    /// Something that carries no message of ours.
    Traffic,
}

impl Socket {
    pub(crate) fn transport(&self) -> Transport {
        match self {
            Self::WebSocket(_) => Transport::WebSocket,
            Self::Http(_) => Transport::Http,
        }
    }

    pub(crate) fn send_text(&mut self, text: String) -> Result<(), Failure> {
        match self {
            Self::WebSocket(socket) => socket.send_text(text),
            Self::Http(socket) => socket.send_text(text),
        }
    }

    pub(crate) fn send_audio(&mut self, message: Bytes) -> Result<(), Failure> {
        match self {
            Self::WebSocket(socket) => socket.send_audio(message),
            Self::Http(socket) => socket.send_audio(message),
        }
    }

    /// Moves bytes in both directions until something came in or nothing moves.
    pub(crate) fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, Failure>> {
        match self {
            Self::WebSocket(socket) => socket.poll_incoming(cx),
            Self::Http(socket) => socket.poll_incoming(cx),
        }
    }

    /// Sends what is queued and the close: a second at most.
    pub(crate) async fn close(self, code: CloseCode) {
        match self {
            Self::WebSocket(socket) => socket.close(code).await,
            Self::Http(socket) => socket.close(code).await,
        }
    }
}

use bytes::Bytes;
use glasslink_protocol::{CloseCode, ErrorReport, RelayMessage};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::http::HttpConnection;
use super::websocket::WebSocket;
use crate::doors::fed::FedConnection;
use crate::limits;

/// What carries a client's messages. One task owns it; sending queues and never waits.
pub(crate) enum Connection {
    WebSocket(Box<WebSocket>),
    Http(HttpConnection),
    /// A door's, whose client speaks another protocol.
    Fed(FedConnection),
}

/// What a connection brought.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(Utf8Bytes),
    Audio(Bytes),
    /// Proof of life without a message: WebSocket's own pings.
    Traffic,
    /// A message over the bounds of the protocol. Nothing more can be read.
    TooLarge,
    /// The peer closed. Nothing more can be read; [`close`] answers.
    Closed,
    /// The connection broke.
    Gone,
}

impl Connection {
    /// Queues a message.
    pub(crate) fn send(&mut self, text: String) {
        match self {
            Self::WebSocket(socket) => socket.send(text),
            Self::Http(http) => http.send(text),
            Self::Fed(fed) => fed.send(text),
        }
    }

    /// Bytes that wait for the peer.
    pub(crate) fn queued(&self) -> usize {
        match self {
            Self::WebSocket(socket) => socket.queued(),
            Self::Http(http) => http.queued(),
            Self::Fed(fed) => fed.queued(),
        }
    }

    /// When the peer is to be given up, unless it takes something before; `None` while nothing waits for it.
    pub(crate) fn stalled_at(&self) -> Option<Instant> {
        let taken_at = match self {
            Self::WebSocket(socket) => socket.waiting_since(),
            Self::Http(http) => http.waiting_since(),
            // Doors watch over their clients themselves.
            Self::Fed(_) => None,
        };
        taken_at.map(|at| at + limits::OUTGOING_STALL)
    }

    /// Whether the peer fell too far behind.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        self.queued() > limits::OUTGOING_BYTES || self.stalled_at().is_some_and(|at| now >= at)
    }

    /// The next thing that comes. Writes what is queued meanwhile. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Incoming {
        match self {
            Self::WebSocket(socket) => socket.next().await,
            Self::Http(http) => http.next().await,
            Self::Fed(fed) => fed.next().await,
        }
    }
}

/// Sends what is queued, the error if there is one, and the close; waits a bounded time for the peer to take it.
pub(crate) async fn close(mut connection: Connection, code: CloseCode, error: Option<ErrorReport>) {
    if let Some(report) = error {
        connection.send(RelayMessage::Error(report).encode());
    }
    let farewell = async {
        match &mut connection {
            Connection::WebSocket(socket) => socket.close(code).await,
            Connection::Http(http) => http.close(code).await,
            Connection::Fed(fed) => fed.close(code),
        }
    };
    let _ = timeout(limits::CLOSING, farewell).await;
}

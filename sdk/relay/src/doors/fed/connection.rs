use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use glasslink_protocol::{ClientMessage, CloseCode};
use tokio::sync::mpsc;

use crate::doors::link::Incoming;

/// A session's end of what a door feeds it through.
pub(crate) struct FedConnection {
    pub(super) to_door: mpsc::UnboundedSender<ToDoor>,
    pub(super) from_door: mpsc::Receiver<Incoming>,
    pub(super) backlog: Arc<AtomicUsize>,
    pub(super) is_over: bool,
}

/// What a session has for its door. Bounded: a session gives a connection up that too many bytes wait for.
pub(super) enum ToDoor {
    Text(String),
    Close(CloseCode),
}

impl FedConnection {
    pub(crate) fn send(&mut self, text: String) {
        self.backlog.fetch_add(text.len(), Ordering::Relaxed);
        // A door that is gone says so when it is listened to.
        let _ = self.to_door.send(ToDoor::Text(text));
    }

    /// Bytes that wait for the door, and behind it for its client.
    pub(crate) fn queued(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Cancel-safe.
    pub(crate) async fn next(&mut self) -> Incoming {
        if let Some(incoming) = self.from_door.recv().await {
            return incoming;
        }
        if self.is_over {
            pending::<()>().await;
        }
        // Nobody can come back to it.
        self.is_over = true;
        Incoming::Text(ClientMessage::Bye.encode().into())
    }

    pub(crate) fn close(&mut self, code: CloseCode) {
        let _ = self.to_door.send(ToDoor::Close(code));
    }
}

use std::sync::Arc;

use glasslink_protocol::{CloseCode, HttpConnectionId};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::exchange::{Batch, Exchange};
use super::exchanges::Known;
use crate::doors::link::Incoming;

/// A connection over HTTP, as its session has it. It ends when this is dropped.
pub(crate) struct HttpConnection {
    id: HttpConnectionId,
    exchange: Arc<Exchange>,
    batches: mpsc::Receiver<Batch>,
    /// What came and was not read yet.
    came: Batch,
    peer_closed: bool,
    known: Arc<Known>,
}

impl HttpConnection {
    pub(super) fn new(
        id: HttpConnectionId,
        exchange: Arc<Exchange>,
        came: Batch,
        batches: mpsc::Receiver<Batch>,
        known: Arc<Known>,
    ) -> Self {
        Self { id, exchange, batches, came, peer_closed: false, known }
    }

    pub(crate) fn send(&self, text: String) {
        self.exchange.send(text);
    }

    pub(crate) fn queued(&self) -> usize {
        self.exchange.queued()
    }

    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        self.exchange.waiting_since()
    }

    pub(crate) async fn next(&mut self) -> Incoming {
        loop {
            if let Some(incoming) = self.came.pop_front() {
                self.peer_closed |= matches!(incoming, Incoming::Closed);
                return incoming;
            }
            match self.batches.recv().await {
                Some(batch) => self.came.extend(batch),
                None => return Incoming::Gone,
            }
        }
    }

    /// Waits until the peer was told, reading on meanwhile: a POST that waits for room holds a socket.
    pub(crate) async fn close(&mut self, code: CloseCode) {
        if self.peer_closed {
            return;
        }
        let exchange = Arc::clone(&self.exchange);
        let mut told = std::pin::pin!(exchange.close(code));
        loop {
            tokio::select! {
                () = &mut told => return,
                batch = self.batches.recv() => {
                    let closed = |batch: Batch| batch.iter().any(|one| matches!(one, Incoming::Closed));
                    if batch.is_none_or(closed) {
                        return;
                    }
                }
            }
        }
    }
}

impl Drop for HttpConnection {
    fn drop(&mut self) {
        self.known.forget(self.id);
        self.exchange.end();
    }
}

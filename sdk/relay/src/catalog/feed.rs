use std::sync::Arc;

use tokio::sync::broadcast;

use super::types::{ChangeRow, EventRow, SessionKey, SessionState};

/// What happens in all sessions, as it happens, for whoever looks on. Nobody is waited for: who is too slow misses
/// something and is told so.
#[derive(Clone)]
pub(crate) struct Feed {
    sender: broadcast::Sender<Arc<Happened>>,
}

/// Something that happened in a session.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) key: SessionKey,
    pub(crate) owner: Arc<str>,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Event(EventRow),
    Change(SessionState, ChangeRow),
}

/// A second of 1,000 busy sessions.
const ROOM: usize = 1024;

impl Feed {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::Sender::new(ROOM) }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Happened>> {
        self.sender.subscribe()
    }

    /// Costs nothing where nobody looks on.
    pub(super) fn tell(&self, happened: impl FnOnce() -> Happened) {
        if self.sender.receiver_count() > 0 {
            let _ = self.sender.send(Arc::new(happened()));
        }
    }
}

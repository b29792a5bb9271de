use glasslink_protocol::{Capabilities, StreamFormat, StreamId};
use glasslink_session::RelayStreamSums;

use crate::catalog::{SessionKey, SessionRow};
use crate::speech::EngineStatus;

/// How a live session is at this moment.
#[derive(Clone, Debug)]
pub(crate) struct Inspection {
    pub(crate) key: SessionKey,
    pub(crate) row: SessionRow,
    /// The number of the last transcript event.
    pub(crate) last_event: u64,
    pub(crate) streams: Vec<RelayStreamSums>,
    /// Bytes that wait for its connection; `None` without one.
    pub(crate) queued: Option<usize>,
    pub(crate) engine: EngineStatus,
    /// Of the streams that are not transcribed to their end.
    pub(crate) formats: Vec<(StreamId, StreamFormat)>,
    /// Of its client's device, where it said so.
    pub(crate) capabilities: Option<Capabilities>,
}

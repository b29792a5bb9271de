use bytes::Bytes;
use glasslink_protocol::{FrameIndex, Gap, StreamFormat, StreamId, StreamStart, SubscriptionId};

use std::sync::Arc;

use crate::doors::app::Outbox;

/// What happened to a session's audio.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// A stream whose frames follow, from `from` on.
    Opened(Box<Opened>),
    Frames {
        stream: StreamId,
        first: FrameIndex,
        count: u16,
        body: Bytes,
    },
    Gap(Gap),
    /// Frames that nobody had the time to decode.
    Missed {
        stream: StreamId,
        from: FrameIndex,
        to: FrameIndex,
    },
    Ended {
        stream: StreamId,
        at: FrameIndex,
    },
}

/// What an app is told of a stream before its frames.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) stream: StreamId,
    pub(super) format: StreamFormat,
    pub(super) from: FrameIndex,
    pub(super) continues: Option<StreamId>,
    pub(super) label: String,
}

impl From<&StreamStart> for Opened {
    fn from(start: &StreamStart) -> Self {
        let StreamStart { stream, format, from, continues, label, .. } = start;
        Self { stream: *stream, format: *format, from: *from, continues: *continues, label: label.clone() }
    }
}

/// One subscription of an app.
#[derive(Clone)]
pub(super) struct Subscriber {
    pub(super) outbox: Arc<Outbox>,
    pub(super) subscription: SubscriptionId,
}

impl Subscriber {
    pub(super) fn is(&self, outbox: &Arc<Outbox>, subscription: SubscriptionId) -> bool {
        self.subscription == subscription && Arc::ptr_eq(&self.outbox, outbox)
    }
}

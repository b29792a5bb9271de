use glasslink_protocol::{EventNumber, FrameIndex, StreamId, StreamStart, TranscriptEvent};

use crate::Timestamp;
use crate::relay::stream::ReceiveStream;
use crate::relay::{RelayConfig, RelaySession};

/// What a relay's disk knows of a session, to go on with it in the same epoch.
#[derive(Clone, Debug, Default)]
pub struct RestoredSession {
    /// Who held the session: [`RelaySession::holder`].
    pub holder: Option<(u64, u64)>,
    pub streams: Vec<RestoredStream>,
    /// Number of the first of `events`.
    pub first_event: EventNumber,
    pub events: Vec<TranscriptEvent>,
}

/// What a relay's disk knows of a stream.
#[derive(Clone, Debug)]
pub struct RestoredStream {
    pub start: StreamStart,
    /// Every frame before this one is on the disk, or a gap that is.
    pub kept: FrameIndex,
    pub transcribed: FrameIndex,
    /// The end, where the client told it.
    pub ended: Option<FrameIndex>,
    /// Of the indices before `kept`: frames, frames lost, and time without a source.
    pub frames: u64,
    pub lost: u64,
    pub absent: u64,
}

impl RelaySession {
    /// Goes on with a session after a restart. `config.epoch` is the epoch it had. What had arrived and was not
    /// kept, the client sends again.
    pub fn restore(
        config: RelayConfig,
        session: glasslink_protocol::SessionId,
        now: Timestamp,
        restored: RestoredSession,
    ) -> Self {
        let mut relay = Self::new(config, session, now);
        relay.holder = restored.holder;
        let first = restored.first_event.max(EventNumber(1));
        relay.history.restore(first, restored.events);
        let streams = restored
            .streams
            .iter()
            .map(|stream| (stream.start.stream, Box::new(ReceiveStream::restored(stream))));
        relay.streams = streams.collect::<std::collections::BTreeMap<StreamId, _>>();
        relay
    }
}

impl ReceiveStream {
    fn restored(restored: &RestoredStream) -> Self {
        let mut stream = Self::new(&restored.start);
        stream.sums.received = restored.kept;
        stream.sums.kept = restored.kept;
        stream.sums.transcribed = restored.transcribed;
        stream.sums.frames = restored.frames;
        stream.sums.lost = restored.lost;
        stream.sums.absent = restored.absent;
        stream.ended = restored.ended.filter(|end| *end <= restored.kept);
        stream
    }
}

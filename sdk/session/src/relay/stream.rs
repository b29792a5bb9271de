use glasslink_protocol::{
    FrameIndex, Gap, GapCause, RelayMessage, ResumedStream, StreamFormat, StreamId, StreamStart,
};

use crate::Timestamp;
use crate::defaults::{IN_FLIGHT, KEPT_ALONG, KEPT_INTERVAL, RECEIVED_ALONG, RECEIVED_INTERVAL};

/// The relay's ledger of a stream, in frames: `received - from = frames + lost + absent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayStreamSums {
    pub stream: StreamId,
    /// Where this relay's knowledge of the stream begins.
    pub from: FrameIndex,
    pub received: FrameIndex,
    pub kept: FrameIndex,
    pub transcribed: FrameIndex,
    /// Frames that arrived.
    pub frames: u64,
    /// Frames told as gaps whose cause is a loss.
    pub lost: u64,
    pub absent: u64,
    /// Frames that arrived again and were dropped.
    pub duplicates: u64,
}

/// One stream of the relay half.
#[derive(Debug)]
pub(crate) struct ReceiveStream {
    pub(crate) format: StreamFormat,
    pub(crate) sums: RelayStreamSums,
    pub(crate) limit: Option<FrameIndex>,
    pub(crate) ended: Option<FrameIndex>,
    /// The transcript here tells of frames from there on: what is before, its client had when the stream was opened.
    pub(crate) told_from: FrameIndex,
    /// Frames were refused; later ones are dropped until those come again.
    pub(crate) rejecting: bool,
    received_told: FrameIndex,
    limit_told: Option<FrameIndex>,
    kept_told: FrameIndex,
    transcribed_told: FrameIndex,
    received_told_at: Timestamp,
    /// When something came that was not told yet.
    arrived_at: Option<Timestamp>,
    kept_told_at: Timestamp,
}

impl ReceiveStream {
    pub(crate) fn new(start: &StreamStart) -> Self {
        let from = start.from;
        Self {
            format: start.format,
            sums: RelayStreamSums {
                stream: start.stream,
                from,
                received: from,
                kept: from,
                transcribed: from.max(start.transcribed),
                ..RelayStreamSums::default()
            },
            limit: None,
            ended: None,
            told_from: start.transcribed,
            rejecting: false,
            received_told: from,
            limit_told: None,
            kept_told: from,
            transcribed_told: from.max(start.transcribed),
            received_told_at: Timestamp::ZERO,
            arrived_at: None,
            kept_told_at: Timestamp::ZERO,
        }
    }

    /// Where it stands with a stream whose finals before `heard` the client has. The mark of later ones is told
    /// again, behind their replay.
    pub(crate) fn resumed(&mut self, heard: FrameIndex) -> ResumedStream {
        self.received_told = self.sums.received;
        self.limit_told = self.limit;
        self.kept_told = self.sums.kept;
        self.transcribed_told = self.sums.transcribed.min(heard);
        ResumedStream {
            stream: self.sums.stream,
            received: self.sums.received,
            kept: self.sums.kept,
            transcribed: self.sums.transcribed,
            limit: self.limit,
            ended: self.ended.is_some(),
        }
    }

    /// Whether nothing more will be heard or said of it.
    pub(crate) fn is_done(&self) -> bool {
        self.ended.is_some_and(|end| self.sums.transcribed >= end)
    }

    /// Whether a frame at `first` is further beyond the limit than a client can be that was told of it late.
    pub(crate) fn is_beyond_limit(&self, first: FrameIndex) -> bool {
        let late = self.format.frames_in(IN_FLIGHT) + 1;
        self.limit.is_some_and(|limit| first.since(limit) > late)
    }

    /// Everything before `to` is accounted for by a gap.
    pub(crate) fn skip_to(&mut self, to: FrameIndex, cause: GapCause) -> Gap {
        let gap = Gap::new(self.sums.stream, self.sums.received, to, cause, &self.format);
        if cause.is_loss() {
            self.sums.lost += gap.frames();
        } else {
            self.sums.absent += gap.frames();
        }
        self.sums.received = to;
        gap
    }

    /// The messages that are due.
    pub(crate) fn due_messages(&mut self, now: Timestamp) -> [Option<RelayMessage>; 3] {
        let stream = self.sums.stream;
        if self.is_received_news() {
            self.arrived_at.get_or_insert(now);
        }
        let along = now >= self.received_told_at + RECEIVED_ALONG;
        let is_due = self.received_due().is_some_and(|due| along || now >= due);
        let received = is_due.then(|| {
            self.received_told = self.sums.received;
            self.limit_told = self.limit;
            self.received_told_at = now;
            self.arrived_at = None;
            RelayMessage::Received { stream, next: self.sums.received, limit: self.limit }
        });
        let along = received.is_some() && now >= self.kept_told_at + KEPT_ALONG;
        let kept = (self.kept_due().is_some_and(|due| along || now >= due)).then(|| {
            self.kept_told = self.sums.kept;
            self.kept_told_at = now;
            RelayMessage::Kept { stream, next: self.sums.kept }
        });
        let transcribed = (self.transcribed_told < self.sums.transcribed).then(|| {
            self.transcribed_told = self.sums.transcribed;
            RelayMessage::Transcribed { stream, to: self.sums.transcribed }
        });
        [received, kept, transcribed]
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.received_due().into_iter().chain(self.kept_due()).min()
    }

    fn is_received_news(&self) -> bool {
        self.received_told != self.sums.received || self.limit_told != self.limit
    }

    fn received_due(&self) -> Option<Timestamp> {
        let since = self.arrived_at.unwrap_or(self.received_told_at);
        self.is_received_news().then(|| since + RECEIVED_INTERVAL)
    }

    fn kept_due(&self) -> Option<Timestamp> {
        // The end is worth telling at once: somebody waits for it.
        let interval = if self.ended == Some(self.sums.kept) { RECEIVED_INTERVAL } else { KEPT_INTERVAL };
        (self.kept_told != self.sums.kept).then(|| self.kept_told_at + interval)
    }
}

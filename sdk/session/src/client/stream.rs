use std::collections::VecDeque;

use glasslink_protocol::{
    ClockMark, FrameIndex, Gap, GapCause, StreamFormat, StreamId, StreamStart, StreamSums,
};

use crate::Timestamp;
use crate::client::buffer::{Kind, SendBuffer};
use crate::client::outbound::Pace;
use crate::client::stall::Watch;
use crate::client::{PushError, StreamOptions, WhenFull};

/// Marks not yet `received`: ten minutes of them.
const MAX_CLOCK_MARKS: usize = 64;

/// One stream of the client half: its buffer, its marks and its ledger.
#[derive(Debug)]
pub(crate) struct SendStream {
    pub(crate) id: StreamId,
    pub(crate) format: StreamFormat,
    pub(crate) options: StreamOptions,
    pub(crate) buffer: SendBuffer,
    /// The first frame not sent over the present connection.
    pub(crate) cursor: FrameIndex,
    /// The first frame never sent in this epoch; those between `received` and here are in doubt.
    pub(crate) sent: FrameIndex,
    pub(crate) received: FrameIndex,
    /// The relay's mark, as far as what it stands for came here.
    pub(crate) transcribed: FrameIndex,
    /// What came before this is in the transcript, as far as it came here: it may be ahead of the relay's mark.
    pub(crate) heard: FrameIndex,
    pub(crate) limit: Option<FrameIndex>,
    pub(crate) end: Option<FrameIndex>,
    /// The link came back to a backlog too long to wait for: another stream is to continue this one.
    pub(crate) overdue: bool,
    pub(crate) watch: Watch,
    /// Whether the relay has been told of the stream, and of its end, over the present connection.
    pub(crate) announced: bool,
    pub(crate) end_announced: bool,
    /// The relay knows the end.
    pub(crate) ended: bool,
    pub(crate) kept_told: bool,
    pub(crate) clocks: VecDeque<ClockMark>,
    /// How many of `clocks`, from the front, went out over the present connection.
    pub(crate) clocks_sent: usize,
    /// Frames before this one are in the journal.
    pub(crate) journaled: FrameIndex,
    pub(crate) fetching: Option<(FrameIndex, FrameIndex)>,
    pub(crate) rejected: Option<(FrameIndex, u32)>,
    /// When the first frame now waiting to be sent was pushed.
    pub(crate) waiting_since: Option<Timestamp>,
    pub(crate) pace: Pace,
    pub(crate) captured: u64,
    pub(crate) acknowledged: u64,
    pub(crate) lost: u64,
    pub(crate) absent: u64,
}

impl SendStream {
    pub(crate) fn new(id: StreamId, format: StreamFormat, options: StreamOptions) -> Self {
        let from = options.from;
        let transcribed = options.transcribed;
        Self {
            id,
            format,
            options,
            buffer: SendBuffer::starting_at(from),
            cursor: from,
            sent: from,
            received: from,
            transcribed,
            heard: transcribed,
            limit: None,
            end: None,
            overdue: false,
            watch: Watch::default(),
            announced: false,
            end_announced: false,
            ended: false,
            kept_told: false,
            clocks: VecDeque::new(),
            clocks_sent: 0,
            journaled: FrameIndex(0),
            fetching: None,
            rejected: None,
            waiting_since: None,
            pace: Pace::default(),
            captured: 0,
            acknowledged: 0,
            lost: 0,
            absent: 0,
        }
    }

    pub(crate) fn start(&self) -> StreamStart {
        StreamStart {
            stream: self.id,
            format: self.format,
            from: self.buffer.base(),
            transcribed: self.heard,
            continues: self.options.continues,
            label: self.options.label.clone(),
        }
    }

    pub(crate) fn push(&mut self, now: Timestamp, frame: &[u8]) -> Result<FrameIndex, PushError> {
        self.check_open()?;
        if !self.format.accepts(frame.len()) {
            return Err(PushError::FrameSize(frame.len()));
        }
        let index = self.buffer.next();
        self.buffer.push(frame, now);
        self.captured += 1;
        self.waiting_since.get_or_insert(now);
        Ok(index)
    }

    /// `frames` frames that have no audio.
    pub(crate) fn skip(&mut self, now: Timestamp, frames: u64, cause: GapCause) -> Result<Gap, PushError> {
        self.check_open()?;
        let from = self.buffer.next();
        self.buffer.extend(frames, Kind::Gap(cause));
        if cause.is_loss() {
            self.captured += frames;
            self.lost += frames;
        } else {
            self.absent += frames;
        }
        self.waiting_since.get_or_insert(now);
        Ok(self.gap(from, from + frames, cause))
    }

    pub(crate) fn mark(&mut self, clock: ClockMark) {
        if self.clocks.len() == MAX_CLOCK_MARKS {
            self.clocks.pop_front();
            self.clocks_sent = self.clocks_sent.saturating_sub(1);
        }
        self.clocks.push_back(clock);
    }

    /// The marks that did not go out over the present connection, which they now do.
    pub(crate) fn unsent_clocks(&mut self) -> Vec<ClockMark> {
        let unsent = self.clocks.range(self.clocks_sent..).copied().collect();
        self.clocks_sent = self.clocks.len();
        unsent
    }

    /// The relay keeps everything before `next`.
    pub(crate) fn keep(&mut self, next: FrameIndex) -> bool {
        if next <= self.buffer.base() {
            return false;
        }
        self.acknowledged += self.buffer.release(next);
        self.cursor = self.cursor.max(self.buffer.base());
        self.sent = self.sent.max(self.buffer.base());
        true
    }

    /// Drops the oldest frame in memory and those that were pushed before `pushed_before`. Frames in doubt stay:
    /// the relay may have them, and a gap told is never taken back.
    pub(crate) fn drop_oldest(&mut self, pushed_before: Timestamp) -> Option<Gap> {
        let protected = self.sent.max(self.received);
        let (from, to) = self.buffer.evict(
            protected,
            pushed_before,
            FrameIndex(u64::MAX),
            Kind::Gap(GapCause::Overflow),
        )?;
        self.lost += to - from;
        Some(self.gap(from, to, GapCause::Overflow))
    }

    /// Frees the oldest frames in memory that the journal holds too. Says whether there were any.
    pub(crate) fn leave_to_journal(&mut self, pushed_before: Timestamp) -> bool {
        self.buffer.evict(self.buffer.base(), pushed_before, self.journaled, Kind::Journal).is_some()
    }

    /// When the oldest frame in memory that the journal holds too was pushed.
    pub(crate) fn oldest_journaled(&self) -> Option<Timestamp> {
        if self.journaled <= self.buffer.base() {
            return None;
        }
        self.buffer.oldest_before(self.journaled)
    }

    /// Frames `from..to` will not be sent any more.
    pub(crate) fn give_up(&mut self, from: FrameIndex, to: FrameIndex, cause: GapCause) -> Option<Gap> {
        let frames = self.buffer.give_up(from, to, cause);
        self.lost += frames;
        (frames > 0).then(|| self.gap(from, to, cause))
    }

    /// When the oldest frame that may be dropped was pushed.
    pub(crate) fn oldest_droppable(&self) -> Option<Timestamp> {
        match self.options.when_full {
            WhenFull::DropOldest => self.buffer.oldest(self.sent.max(self.received)),
            WhenFull::Refuse => None,
        }
    }

    pub(crate) fn sums(&self) -> StreamSums {
        StreamSums {
            stream: self.id,
            captured: self.captured,
            acknowledged: self.acknowledged,
            buffered: self.buffer.frames(),
            lost: self.lost,
            absent: self.absent,
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.end.is_some_and(|end| self.buffer.base() >= end)
    }

    pub(crate) fn is_transcribed(&self) -> bool {
        self.ended && self.end.is_some_and(|end| self.transcribed >= end)
    }

    pub(crate) fn in_flight(&self) -> bool {
        self.received < self.cursor
    }

    pub(crate) fn has_unsent(&self) -> bool {
        self.cursor < self.buffer.next() && self.limit.is_none_or(|limit| self.cursor < limit)
    }

    fn check_open(&self) -> Result<(), PushError> {
        if self.end.is_some() { Err(PushError::NotOpen(self.id)) } else { Ok(()) }
    }

    fn gap(&self, from: FrameIndex, to: FrameIndex, cause: GapCause) -> Gap {
        Gap::new(self.id, from, to, cause, &self.format)
    }
}

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::BytesMut;
use glasslink_protocol::{
    Cause, ClientMessage, ClockMark, CloseCode, Epoch, EventNumber, FrameIndex, Gap, GapCause, SessionId,
    StreamFormat, StreamId, StreamSums,
};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::Timestamp;
use crate::client::backoff::Backoff;
use crate::client::liveness::{Liveness, Verdict};
use crate::client::stall::{AudioCounts, Watch};
use crate::client::stream::SendStream;
use crate::client::wearing::Wearing;
use crate::client::{
    Action, ClientConfig, ConnectionId, Event, LinkState, LinkStats, OpenError, PushError, StreamOptions,
    WhenFull,
};
use crate::defaults::{HEALTHY_AFTER, MAX_STREAMS};

/// Numbers that cross the wire as JSON stay exact in every language below this.
const JSON_INTEGER_MASK: u64 = (1 << 53) - 1;

/// The client half of a link.
///
/// After every call, drain [`ClientSession::poll_action`] and arm a timer for [`ClientSession::poll_timeout`];
/// when it fires, call [`ClientSession::handle_timeout`].
#[derive(Debug)]
pub struct ClientSession {
    pub(crate) config: ClientConfig,
    pub(crate) session: SessionId,
    pub(crate) holder: u64,
    pub(crate) random: Pcg64Mcg,
    pub(crate) streams: BTreeMap<StreamId, SendStream>,
    pub(crate) next_stream: u32,
    /// The ledger of the streams that are done.
    finished: StreamSums,
    pub(crate) phase: Phase,
    pub(crate) last_state: LinkState,
    actions: VecDeque<Action>,
    pub(crate) connections: u64,
    pub(crate) backoff: Backoff,
    pub(crate) take: bool,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) last_nudge: Option<Timestamp>,
    /// The network came up during the present attempt.
    pub(crate) retry_at_once: bool,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) last_event: EventNumber,
    pub(crate) liveness: Liveness,
    pub(crate) live_since: Timestamp,
    /// Whether something was acknowledged since the link is live.
    pub(crate) moved: bool,
    pub(crate) healthy: bool,
    pub(crate) sums_changed: bool,
    pub(crate) sums_sent_at: Timestamp,
    pub(crate) scratch: BytesMut,
    pub(crate) reconnects: u64,
    pub(crate) sent_messages: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) audio: AudioCounts,
    pub(crate) wearing: Wearing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Waiting { until: Timestamp },
    Connecting { connection: ConnectionId, since: Timestamp },
    Resuming { connection: ConnectionId, since: Timestamp, opened_at: Timestamp },
    Live { connection: ConnectionId },
    Refused { cause: Cause },
    Closed,
}

impl ClientSession {
    /// `seed` decides every random choice, the session's identity as a holder included.
    pub fn new(config: ClientConfig, session: SessionId, seed: u64) -> Self {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        Self {
            holder: random.next_u64() & JSON_INTEGER_MASK,
            backoff: Backoff::new(config.backoff_base, config.backoff_cap),
            liveness: Liveness::new(config.ping_interval),
            config,
            session,
            random,
            streams: BTreeMap::new(),
            next_stream: 1,
            finished: StreamSums::default(),
            phase: Phase::Idle,
            last_state: LinkState::Idle,
            actions: VecDeque::new(),
            connections: 0,
            take: true,
            not_before: None,
            last_nudge: None,
            retry_at_once: false,
            epoch: None,
            last_event: EventNumber(0),
            live_since: Timestamp::ZERO,
            moved: false,
            healthy: true,
            sums_changed: false,
            sums_sent_at: Timestamp::ZERO,
            scratch: BytesMut::new(),
            reconnects: 0,
            sent_messages: 0,
            sent_bytes: 0,
            audio: AudioCounts::default(),
            wearing: Wearing::default(),
        }
    }

    pub fn session(&self) -> SessionId {
        self.session
    }

    pub fn state(&self) -> LinkState {
        self.last_state
    }

    /// How long nothing has come from the relay. Of use while live, and just behind it.
    pub fn silent_for(&self, now: Timestamp) -> Duration {
        now.since(self.liveness.last_traffic())
    }

    /// Longer pings spare a phone's radio in the background.
    pub fn set_ping_interval(&mut self, interval: Duration) {
        self.config.ping_interval = interval;
        self.liveness.set_ping_interval(interval);
        if let Phase::Live { connection } = self.phase {
            self.send(connection, &ClientMessage::PingInterval { ping_ms: self.config.ping_ms() });
        }
    }

    /// Ends the session: the relay may forget it, and what is still buffered is lost.
    pub fn close(&mut self, now: Timestamp) {
        let _ = now;
        match self.phase {
            Phase::Live { connection } => {
                if self.sums_changed {
                    self.send_sums(connection);
                }
                self.send(connection, &ClientMessage::Bye);
                self.act(Action::Close { connection, code: CloseCode::Normal });
            }
            Phase::Connecting { connection, .. } | Phase::Resuming { connection, .. } => {
                self.act(Action::Close { connection, code: CloseCode::Normal });
            }
            _ => {}
        }
        self.phase = Phase::Closed;
        self.tell_state(LinkState::Closed);
    }

    pub fn open_stream(
        &mut self,
        now: Timestamp,
        format: StreamFormat,
        options: StreamOptions,
    ) -> Result<StreamId, OpenError> {
        if self.phase == Phase::Closed {
            return Err(OpenError::Closed);
        }
        if self.streams.len() >= MAX_STREAMS {
            let kept = self.streams.values().find(|stream| stream.is_kept()).map(|stream| stream.id);
            self.forget(kept.ok_or(OpenError::TooManyStreams(MAX_STREAMS))?);
        }
        let id = self.next_stream_id();
        self.streams.insert(id, SendStream::new(id, format, options));
        self.pump(now);
        Ok(id)
    }

    /// Numbers the frame and keeps it until the relay does. Never blocks.
    pub fn push(&mut self, now: Timestamp, stream: StreamId, frame: &[u8]) -> Result<FrameIndex, PushError> {
        self.check_wanted()?;
        let full = self.memory_bytes() + frame.len() > self.config.buffer_bytes;
        let sender = self.streams.get_mut(&stream).ok_or(PushError::NotOpen(stream))?;
        if full && sender.options.when_full == WhenFull::Refuse {
            return Err(PushError::Full);
        }
        let index = sender.push(now, frame)?;
        self.source_gave(now, stream);
        self.sums_changed = true;
        while full && self.memory_bytes() > self.config.buffer_bytes && self.make_room() {}
        Ok(index)
    }

    /// Counts `frames` frames that have no audio, and why.
    pub fn skip(
        &mut self,
        now: Timestamp,
        stream: StreamId,
        frames: u64,
        cause: GapCause,
    ) -> Result<(), PushError> {
        self.check_wanted()?;
        let sender = self.streams.get_mut(&stream).ok_or(PushError::NotOpen(stream))?;
        if frames > 0 {
            let gap = sender.skip(now, frames, cause)?;
            if cause == GapCause::Absent {
                sender.watch = Watch::default();
            } else {
                self.source_gave(now, stream);
            }
            self.sums_changed = true;
            self.act(Action::Event(Event::Gap(gap)));
        }
        Ok(())
    }

    /// The journal holds every frame before `next`, so that memory may let go of them.
    pub fn journaled(&mut self, stream: StreamId, next: FrameIndex) {
        if let Some(sender) = self.streams.get_mut(&stream) {
            sender.journaled = sender.journaled.max(next);
        }
    }

    /// Ties a frame of `mark.stream` to the clocks. The mark goes out with the stream's next message.
    pub fn clock(&mut self, mark: ClockMark) {
        if let Some(sender) = self.streams.get_mut(&mark.stream) {
            sender.mark(mark);
        }
    }

    /// The stream ends behind the last frame pushed.
    pub fn end_stream(&mut self, now: Timestamp, stream: StreamId) {
        if let Some(sender) = self.streams.get_mut(&stream) {
            let end = sender.buffer.next();
            sender.end.get_or_insert(end);
            self.pump(now);
        }
    }

    /// Ends every stream that is still open.
    pub fn end_streams(&mut self, now: Timestamp) {
        for sender in self.streams.values_mut() {
            let end = sender.buffer.next();
            sender.end.get_or_insert(end);
        }
        self.pump(now);
    }

    /// Whether [`ClientSession::poll_action`] has something.
    pub fn has_actions(&self) -> bool {
        !self.actions.is_empty()
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`ClientSession::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let phase = match self.phase {
            Phase::Waiting { until } => Some(until),
            Phase::Connecting { since, .. } | Phase::Resuming { since, .. } => {
                Some(since + self.config.connect_timeout)
            }
            Phase::Live { .. } => {
                let healthy = (!self.healthy && self.moved).then(|| self.live_since + HEALTHY_AFTER);
                let looks = [Some(self.liveness.deadline()), healthy, self.next_pump(), self.next_look()];
                looks.into_iter().flatten().min()
            }
            Phase::Idle | Phase::Refused { .. } => None,
            Phase::Closed => return None,
        };
        phase.into_iter().chain(self.next_eviction()).min()
    }

    pub fn handle_timeout(&mut self, now: Timestamp) {
        match self.phase {
            Phase::Waiting { until } if now >= until => self.start_attempt(now),
            Phase::Connecting { since, .. } | Phase::Resuming { since, .. }
                if now >= since + self.config.connect_timeout =>
            {
                self.fail(now, Cause::Timeout);
            }
            Phase::Live { connection } => match self.liveness.check(now) {
                Verdict::Alive => self.check_health(now),
                Verdict::Ping(id) => self.send(connection, &ClientMessage::Ping { id }),
                Verdict::Dead => self.fail(now, Cause::Stalled),
            },
            _ => {}
        }
        self.look_at_sources(now);
        self.evict(now);
        self.pump(now);
    }

    /// The index the stream's next frame gets, until it is done.
    pub fn next_frame(&self, stream: StreamId) -> Option<FrameIndex> {
        self.streams.get(&stream).map(|stream| stream.buffer.next())
    }

    /// Every frame of the stream before this one is kept, until it is done.
    pub fn kept_before(&self, stream: StreamId) -> Option<FrameIndex> {
        self.streams.get(&stream).map(|stream| stream.buffer.base())
    }

    /// The ledger of one stream, until it is done.
    pub fn sums(&self, stream: StreamId) -> Option<StreamSums> {
        self.streams.get(&stream).map(SendStream::sums)
    }

    /// Whether the stream ended, every frame of it is kept, and every final of it was told.
    pub fn is_done(&self, stream: StreamId) -> bool {
        self.streams.get(&stream).is_none_or(|stream| stream.is_kept() && stream.is_transcribed())
    }

    /// Whether every stream has ended and is kept.
    pub fn is_kept(&self) -> bool {
        self.streams.values().all(SendStream::is_kept)
    }

    /// Whether every stream is done.
    pub fn is_transcribed(&self) -> bool {
        self.streams.values().all(|stream| stream.is_kept() && stream.is_transcribed())
    }

    pub fn stats(&self) -> LinkStats {
        let mut stats = LinkStats {
            buffered_bytes: self.memory_bytes(),
            rtt: self.liveness.rtt(),
            reconnects: self.reconnects,
            sent_messages: self.sent_messages,
            sent_bytes: self.sent_bytes,
            audio: self.audio,
            ..LinkStats::default()
        };
        for sums in self.streams.values().map(SendStream::sums).chain([self.finished]) {
            stats.captured += sums.captured;
            stats.acknowledged += sums.acknowledged;
            stats.buffered += sums.buffered;
            stats.lost += sums.lost;
            stats.absent += sums.absent;
        }
        let times = self.streams.values().map(|stream| stream.format.duration(stream.buffer.frames()));
        stats.buffered_time = times.max().unwrap_or_default();
        stats
    }

    pub(crate) fn next_stream_id(&mut self) -> StreamId {
        let id = StreamId(self.next_stream);
        self.next_stream += 1;
        id
    }

    /// New streams get ids behind `taken`, a stream of another process that is done.
    pub fn skip_stream_ids(&mut self, taken: StreamId) {
        self.next_stream = self.next_stream.max(taken.0 + 1);
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) fn send(&mut self, connection: ConnectionId, message: &ClientMessage) {
        self.act(Action::SendText { connection, text: message.encode() });
    }

    pub(crate) fn tell_state(&mut self, state: LinkState) {
        if self.last_state != state {
            self.last_state = state;
            self.act(Action::Event(Event::State(state)));
        }
    }

    pub(crate) fn tell_gap(&mut self, gap: Option<Gap>) {
        if let Some(gap) = gap {
            self.sums_changed = true;
            self.act(Action::Event(Event::Gap(gap)));
        }
    }

    /// Lets go of a stream that needs nothing any more; its ledger stays.
    pub(crate) fn forget(&mut self, stream: StreamId) {
        if let Some(done) = self.streams.remove(&stream) {
            let sums = done.sums();
            self.finished.captured += sums.captured;
            self.finished.acknowledged += sums.acknowledged;
            self.finished.buffered += sums.buffered;
            self.finished.lost += sums.lost;
            self.finished.absent += sums.absent;
        }
    }

    fn check_wanted(&self) -> Result<(), PushError> {
        if self.phase == Phase::Closed { Err(PushError::Closed) } else { Ok(()) }
    }
}

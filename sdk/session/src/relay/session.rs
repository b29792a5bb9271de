use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use glasslink_protocol::{
    CloseCode, Durability, EngineState, Epoch, EventNumber, FrameIndex, Gap, GapCause, Partial, RelayMessage,
    SessionId, SpeechTo, StreamId, StreamStart, TranscriptEvent,
};

use crate::Timestamp;
use crate::defaults::{HISTORY_BYTES, HISTORY_EVENTS, LOST_AFTER_PINGS, LOST_MIN, MAX_STREAMS, SESSION_KEEP};
use crate::relay::history::History;
use crate::relay::stream::ReceiveStream;
use crate::relay::wearing::Wearing;
use crate::relay::{AttachError, Attachment, Hello, RelayAction, RelayEvent, RelayStreamSums};

/// Streams remembered after their end, so that a client that did not hear of it is not asked for them again.
const MAX_ENDED_STREAMS: usize = 256;

/// A clock this much behind its timer means that we were starved: what the client sent may still wait unread.
const LATE: Duration = Duration::from_secs(1);

/// What a relay promises for a session.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// This life of the session. Another number than any earlier one.
    pub epoch: Epoch,
    pub durability: Durability,
    /// How long the session is kept without a connection.
    pub keep: Duration,
    /// Transcript events, and their bytes, kept for replay.
    pub history_events: usize,
    pub history_bytes: usize,
    /// Name and version of the relay.
    pub relay: String,
}

/// The relay half of a link: one session, from its first connection to its end.
///
/// After every call, drain [`RelaySession::poll_action`] and arm a timer for [`RelaySession::poll_timeout`].
#[derive(Debug)]
pub struct RelaySession {
    config: RelayConfig,
    session: SessionId,
    /// Boxed: a map has room for eleven at once, and most sessions have one.
    pub(crate) streams: BTreeMap<StreamId, Box<ReceiveStream>>,
    pub(crate) history: History,
    pub(crate) attached: Option<Attached>,
    attachments: u64,
    pub(crate) holder: Option<(u64, u64)>,
    detached_at: Timestamp,
    expired: bool,
    engine: Option<RelayMessage>,
    pub(crate) wearing: Wearing,
    actions: VecDeque<RelayAction>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Attached {
    pub(crate) attachment: Attachment,
    pub(crate) last_traffic: Timestamp,
    /// It is lost when nothing comes for so long.
    lost_after: Duration,
    /// Its silence counts from here on only.
    pub(crate) spared_until: Timestamp,
}

impl Attached {
    /// Its client pings this often.
    pub(crate) fn pings(&mut self, ping_ms: u32) {
        self.lost_after = (Duration::from_millis(u64::from(ping_ms)) * LOST_AFTER_PINGS).max(LOST_MIN);
    }

    fn deadline(&self) -> Timestamp {
        self.last_traffic.max(self.spared_until) + self.lost_after
    }
}

impl RelayConfig {
    pub fn new(epoch: Epoch, durability: Durability) -> Self {
        Self {
            epoch,
            durability,
            keep: SESSION_KEEP,
            history_events: HISTORY_EVENTS,
            history_bytes: HISTORY_BYTES,
            relay: String::new(),
        }
    }
}

impl RelaySession {
    pub fn new(config: RelayConfig, session: SessionId, now: Timestamp) -> Self {
        Self {
            history: History::new(config.history_events, config.history_bytes),
            config,
            session,
            streams: BTreeMap::new(),
            attached: None,
            attachments: 0,
            holder: None,
            detached_at: now,
            expired: false,
            engine: None,
            wearing: Wearing::default(),
            actions: VecDeque::new(),
        }
    }

    /// Makes a connection the session's, in place of any other.
    pub fn attach(&mut self, now: Timestamp, hello: &Hello) -> Result<Attachment, AttachError> {
        let new = hello.streams.iter().filter(|start| !self.streams.contains_key(&start.stream)).count();
        if hello.streams.len() > MAX_STREAMS || !self.has_room_for(new) {
            return Err(AttachError::TooManyStreams);
        }
        if let Some((holder, attach)) = self.holder {
            if holder != hello.holder && !hello.take {
                return Err(AttachError::Superseded);
            }
            if holder == hello.holder && hello.attach <= attach {
                return Err(AttachError::Stale);
            }
            let code = if holder == hello.holder { CloseCode::GoingAway } else { CloseCode::Superseded };
            self.detach_with(now, code);
        }
        self.holder = Some((hello.holder, hello.attach));
        self.attachments += 1;
        let attachment = Attachment(self.attachments);
        let mut attached =
            Attached { attachment, last_traffic: now, lost_after: LOST_MIN, spared_until: now };
        attached.pings(hello.ping_ms);
        self.attached = Some(attached);
        self.act(RelayAction::Event(RelayEvent::Attached));

        // Numbers mean nothing in another epoch.
        let events_after =
            if hello.epoch == Some(self.config.epoch) { hello.events_after } else { EventNumber(0) };
        self.history.pass(events_after);
        // What opening a stream adds to the transcript is sent with the replay.
        let attached = self.attached.take();
        for start in &hello.streams {
            self.open(start);
        }
        self.attached = attached;
        let mut resumed = Vec::with_capacity(hello.streams.len());
        for start in &hello.streams {
            let stream = self.streams.get_mut(&start.stream);
            resumed.extend(stream.map(|stream| stream.resumed(start.transcribed)));
        }
        let (events_from, _) = self.history.after(events_after);
        self.send(&RelayMessage::Welcome {
            session: self.session,
            epoch: self.config.epoch,
            durability: self.config.durability,
            streams: resumed,
            events_from,
            keep_ms: u64::try_from(self.config.keep.as_millis()).unwrap_or(u64::MAX),
            relay: self.config.relay.clone(),
        });
        if let Some(status) = self.engine.clone() {
            self.send(&status);
        }
        let replay: Vec<String> = self.history.after(events_after).1.map(str::to_owned).collect();
        for text in replay {
            self.act(RelayAction::SendText { attachment, text });
        }
        for start in &hello.streams {
            self.tell_marks(now, start.stream);
        }
        self.tell_wearing(now);
        Ok(attachment)
    }

    /// The connection is gone.
    pub fn detach(&mut self, now: Timestamp, attachment: Attachment) {
        if self.is_attached(attachment) {
            self.attached = None;
            self.detached_at = now;
            self.act(RelayAction::Event(RelayEvent::Detached));
        }
    }

    /// Every frame before `next` is kept with the durability of the welcome.
    pub fn kept(&mut self, now: Timestamp, stream: StreamId, next: FrameIndex) {
        if let Some(receiver) = self.streams.get_mut(&stream) {
            receiver.sums.kept = receiver.sums.kept.max(next.min(receiver.sums.received));
            self.tell_marks(now, stream);
        }
    }

    /// Every final of the frames before `to` was appended.
    pub fn transcribed(&mut self, now: Timestamp, stream: StreamId, to: FrameIndex) {
        if let Some(receiver) = self.streams.get_mut(&stream) {
            receiver.sums.transcribed = receiver.sums.transcribed.max(to.min(receiver.sums.received));
            self.tell_marks(now, stream);
        }
    }

    /// Flow control: the client is to hold frames from `limit` on back. `None`: take everything.
    pub fn set_limit(&mut self, now: Timestamp, stream: StreamId, limit: Option<FrameIndex>) {
        if let Some(receiver) = self.streams.get_mut(&stream) {
            receiver.limit = limit;
            self.tell_marks(now, stream);
        }
    }

    /// Numbers, keeps and sends a transcript event.
    pub fn append(&mut self, event: TranscriptEvent) -> EventNumber {
        let (number, text) = self.history.append(event.clone());
        self.act(RelayAction::Event(RelayEvent::Appended { number, event }));
        if let Some(Attached { attachment, .. }) = self.attached {
            self.act(RelayAction::SendText { attachment, text });
        }
        number
    }

    /// Frames `from..to` were kept and will never be transcribed: a gap in the transcript only.
    pub fn append_gap(&mut self, stream: StreamId, from: FrameIndex, to: FrameIndex, cause: GapCause) {
        if let Some(receiver) = self.streams.get(&stream) {
            let gap = Gap::new(stream, from, to, cause, &receiver.format);
            self.append(TranscriptEvent::Gap(gap));
        }
    }

    /// The stream's frames cannot be decoded: the client is asked to go on with samples.
    pub fn ask_for_pcm(&mut self, stream: StreamId) {
        self.send(&RelayMessage::SendPcm { stream });
    }

    /// Sends text that may still change. Not kept.
    pub fn partial(&mut self, partial: Partial) {
        self.send(&RelayMessage::Partial(partial));
    }

    /// The speech engine's state, for this client and later ones. The same twice is told once.
    pub fn set_engine(
        &mut self,
        engine: EngineState,
        message: String,
        remedy: String,
        speech_to: Option<SpeechTo>,
    ) {
        let status = RelayMessage::Status { engine, message, remedy, speech_to };
        if self.engine.as_ref() != Some(&status) {
            self.send(&status);
            self.engine = Some(status);
        }
    }

    /// The relay restarts: the client is to come back after `pause`, spread over `spread`.
    pub fn restart(&mut self, now: Timestamp, pause: Duration, spread: Duration) {
        self.send(&RelayMessage::Restarting {
            reconnect_in_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            spread_ms: u64::try_from(spread.as_millis()).unwrap_or(u64::MAX),
        });
        self.detach_with(now, CloseCode::Restarting);
    }

    pub fn poll_action(&mut self) -> Option<RelayAction> {
        self.actions.pop_front()
    }

    /// When [`RelaySession::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        match self.attached {
            Some(attached) => {
                let marks = self.streams.values().filter_map(|stream| stream.next_due());
                marks.chain([attached.deadline()]).min()
            }
            None => (!self.expired).then(|| self.detached_at + self.config.keep),
        }
    }

    pub fn handle_timeout(&mut self, now: Timestamp) {
        let Some(attached) = self.attached.as_mut() else {
            if !self.expired && now >= self.detached_at + self.config.keep {
                self.expired = true;
                self.act(RelayAction::Event(RelayEvent::Expired));
            }
            return;
        };
        let deadline = attached.deadline();
        if now.since(deadline) > LATE {
            attached.last_traffic = now;
        } else if now >= deadline {
            self.detach_with(now, CloseCode::Timeout);
            return;
        }
        let streams: Vec<StreamId> = self.streams.keys().copied().collect();
        for stream in streams {
            self.tell_marks(now, stream);
        }
    }

    pub fn session(&self) -> SessionId {
        self.session
    }

    pub fn epoch(&self) -> Epoch {
        self.config.epoch
    }

    /// The number the next transcript event gets.
    pub fn next_event(&self) -> EventNumber {
        self.history.next()
    }

    /// The transcript events after `number` that are still there, as they are sent, and the number of the first.
    pub fn events_after(&self, number: EventNumber) -> (EventNumber, impl Iterator<Item = &str>) {
        self.history.after(number)
    }

    /// Who holds the session, and the number of the last connection of theirs.
    pub fn holder(&self) -> Option<(u64, u64)> {
        self.holder
    }

    /// The connection the session has.
    pub fn attachment(&self) -> Option<Attachment> {
        self.attached.map(|attached| attached.attachment)
    }

    pub fn sums(&self) -> impl Iterator<Item = RelayStreamSums> {
        self.streams.values().map(|stream| stream.sums)
    }

    /// Whether the stream's end is known, and where it is.
    pub fn ended(&self, stream: StreamId) -> Option<FrameIndex> {
        self.streams.get(&stream)?.ended
    }

    pub(crate) fn is_attached(&self, attachment: Attachment) -> bool {
        self.attached.is_some_and(|attached| attached.attachment == attachment)
    }

    pub(crate) fn act(&mut self, action: RelayAction) {
        self.actions.push_back(action);
    }

    pub(crate) fn send(&mut self, message: &RelayMessage) {
        if let Some(Attached { attachment, .. }) = self.attached {
            self.act(RelayAction::SendText { attachment, text: message.encode() });
        }
    }

    pub(crate) fn detach_with(&mut self, now: Timestamp, code: CloseCode) {
        if let Some(Attached { attachment, .. }) = self.attached {
            self.act(RelayAction::Close { attachment, code });
            self.detach(now, attachment);
        }
    }

    /// Opens a stream, or finds where it stands.
    pub(crate) fn open(&mut self, start: &StreamStart) {
        let from = start.from;
        if let Some(known) = self.streams.get_mut(&start.stream)
            && start.transcribed < known.told_from
        {
            // A client that died forgot what it had heard in an epoch that is over.
            let told_from = std::mem::replace(&mut known.told_from, start.transcribed);
            self.append_gap(start.stream, start.transcribed, told_from, GapCause::RelayLostHistory);
        }
        if let Some(known) = self.streams.get_mut(&start.stream) {
            if known.sums.received < from {
                // The client freed what it was told is kept, and it is not here: files lost their end.
                let heard = known.sums.transcribed.max(start.transcribed);
                let gap = known.skip_to(from, GapCause::RelayLostHistory);
                known.sums.kept = from;
                if heard < from {
                    self.append_gap(start.stream, gap.from.max(heard), from, GapCause::RelayLostHistory);
                }
                self.act(RelayAction::Event(RelayEvent::Gap(gap)));
            }
            return;
        }
        self.forget_ended();
        self.streams.insert(start.stream, Box::new(ReceiveStream::new(start)));
        self.act(RelayAction::Event(RelayEvent::Opened(start.clone())));
        if start.transcribed < from {
            self.append_gap(start.stream, start.transcribed, from, GapCause::RelayLostHistory);
        }
    }

    pub(crate) fn tell_marks(&mut self, now: Timestamp, stream: StreamId) {
        if self.attached.is_none() {
            return;
        }
        let Some(receiver) = self.streams.get_mut(&stream) else { return };
        for message in receiver.due_messages(now).into_iter().flatten() {
            self.send(&message);
        }
    }

    /// Whether `new` more streams may be opened: few at once, and not too many that have ended and wait for an engine.
    pub(crate) fn has_room_for(&self, new: usize) -> bool {
        let open = self.streams.values().filter(|stream| stream.ended.is_none()).count();
        let unfinished = self.streams.values().filter(|stream| !stream.is_done()).count();
        new == 0 || (open + new <= MAX_STREAMS && unfinished + new <= MAX_ENDED_STREAMS)
    }

    fn forget_ended(&mut self) {
        if self.streams.len() >= MAX_ENDED_STREAMS {
            let oldest = self.streams.iter().find(|(_, stream)| stream.is_done()).map(|(id, _)| *id);
            if let Some(id) = oldest {
                self.streams.remove(&id);
            }
        }
    }
}

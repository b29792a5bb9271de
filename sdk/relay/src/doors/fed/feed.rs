use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use glasslink_protocol::{
    AudioMessage, Cause, ClientMessage, ClockMark, CloseCode, ErrorReport, EventNumber, FrameIndex,
    RelayMessage, SessionId, StreamId, StreamStart, TranscriptEvent,
};
use glasslink_session::Hello;
use tokio::sync::mpsc;

use super::connection::{FedConnection, ToDoor};
use super::said::Said;
use crate::doors::link::{Connection, Incoming, Trace};
use crate::identity::Grant;
use crate::shared::Shared;

/// Messages on their way to a session. Each has at most 64 KiB.
const UNDER_WAY: usize = 8;

/// Streams of a session: a client that wants its text settled every second ends one each time, for three hours.
const STREAMS: u32 = 12_000;

/// A session of its own for a client that does not know what one is. Dropped, the session is over.
pub(in crate::doors) struct Feed {
    session: SessionId,
    to_session: mpsc::Sender<Incoming>,
    from_session: mpsc::UnboundedReceiver<ToDoor>,
    backlog: Arc<AtomicUsize>,
    /// What the session has no room for yet.
    waiting: VecDeque<Waiting>,
    /// Up to where the session takes frames.
    limits: BTreeMap<StreamId, FrameIndex>,
    error: Option<Box<ErrorReport>>,
    streams: u32,
}

struct Waiting {
    first: Option<(StreamId, FrameIndex)>,
    message: Incoming,
}

/// A client that speaks another protocol.
pub(in crate::doors) struct Stranger {
    pub(in crate::doors) grant: Grant,
    /// What it calls itself.
    pub(in crate::doors) client: String,
    pub(in crate::doors) trace: Trace,
    /// Its speech may leave the relay's machine.
    pub(in crate::doors) remote_speech: bool,
}

impl Feed {
    /// Begins a session, or says why there is none to be had.
    pub(in crate::doors) fn begin(shared: &Arc<Shared>, stranger: Stranger) -> Result<Self, Cause> {
        let Stranger { grant, client, trace, remote_speech } = stranger;
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| Cause::Overloaded)?;
        let session = SessionId(u128::from_be_bytes(id));
        let (to_session, from_door) = mpsc::channel(UNDER_WAY);
        let (to_door, from_session) = mpsc::unbounded_channel();
        let backlog = Arc::<AtomicUsize>::default();
        let connection = FedConnection { to_door, from_door, backlog: Arc::clone(&backlog), is_over: false };
        let hello = Hello {
            session,
            holder: 1,
            attach: 1,
            take: true,
            epoch: None,
            events_after: EventNumber(0),
            // Its silence means nothing: this connection cannot break.
            ping_ms: u32::MAX,
            streams: Vec::new(),
            continues: None,
            client,
            remote_speech,
        };
        let connection = Connection::Fed(connection);
        let attached = shared.registry.attach(shared, grant, hello, &trace, connection);
        attached.map_err(|refused| refused.cause())?;
        Ok(Self {
            session,
            to_session,
            from_session,
            backlog,
            waiting: VecDeque::new(),
            limits: BTreeMap::new(),
            error: None,
            streams: 0,
        })
    }

    pub(in crate::doors) fn session(&self) -> SessionId {
        self.session
    }

    /// A number that no stream of the session has had.
    pub(super) fn new_stream(&mut self) -> StreamId {
        self.streams += 1;
        StreamId(self.streams)
    }

    /// Whether it has had as many streams as it may.
    pub(in crate::doors) fn is_spent(&self) -> bool {
        self.streams >= STREAMS
    }

    pub(super) fn open(&mut self, start: StreamStart) {
        self.say(&ClientMessage::Open(start));
    }

    pub(super) fn clock(&mut self, mark: ClockMark) {
        self.say(&ClientMessage::Clock(mark));
    }

    pub(super) fn end(&mut self, stream: StreamId, at: FrameIndex) {
        self.say(&ClientMessage::End { stream, at });
    }

    pub(super) fn audio(&mut self, message: &AudioMessage<'_>) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        let first = Some((message.stream, message.first));
        self.waiting.push_back(Waiting { first, message: Incoming::Audio(Bytes::from(bytes)) });
    }

    fn say(&mut self, message: &ClientMessage) {
        let message = Incoming::Text(message.encode().into());
        self.waiting.push_back(Waiting { first: None, message });
    }

    /// Whether the session has enough for now: nothing more is to be taken from the client.
    pub(in crate::doors) fn is_full(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many bytes wait for the client: text that will be replaced is left out when there are many.
    pub(in crate::doors) fn waits(&self, before: &mut usize, now: usize) {
        self.backlog.fetch_add(now, Ordering::Relaxed);
        self.backlog.fetch_sub(*before, Ordering::Relaxed);
        *before = now;
    }

    /// The next thing the session says. Gives it what waits meanwhile. Cancel-safe.
    pub(in crate::doors) async fn next(&mut self) -> Said {
        loop {
            let is_due = self.is_due();
            let said = tokio::select! {
                room = self.to_session.reserve(), if is_due => {
                    match room {
                        Ok(room) => room.send(self.waiting.pop_front().map_or(Incoming::Traffic, |one| one.message)),
                        // It said good-bye, which is read below.
                        Err(_) => self.waiting.clear(),
                    }
                    if self.is_full() {
                        continue;
                    }
                    return Said::Room;
                }
                said = self.from_session.recv() => said,
            };
            match said {
                Some(ToDoor::Text(text)) => {
                    self.backlog.fetch_sub(text.len(), Ordering::Relaxed);
                    if let Some(said) = self.hear(&text) {
                        return said;
                    }
                }
                Some(ToDoor::Close(code)) => return Said::Closed(code, self.error.take()),
                None => return Said::Closed(CloseCode::GoingAway, None),
            }
        }
    }

    fn is_due(&self) -> bool {
        self.waiting.front().is_some_and(|waiting| {
            let limit = waiting.first.and_then(|(stream, first)| Some((first, self.limits.get(&stream)?)));
            limit.is_none_or(|(first, limit)| first <= *limit)
        })
    }

    fn hear(&mut self, text: &str) -> Option<Said> {
        match RelayMessage::decode(text).ok()? {
            RelayMessage::Received { stream, limit: Some(limit), .. } => {
                self.limits.insert(stream, limit);
            }
            RelayMessage::Received { stream, limit: None, .. } | RelayMessage::Ended { stream } => {
                self.limits.remove(&stream);
            }
            RelayMessage::Partial(partial) => return Some(Said::Partial(partial)),
            RelayMessage::Transcript { event: TranscriptEvent::Final(settled), .. } => {
                return Some(Said::Final(settled));
            }
            RelayMessage::Transcribed { stream, to } => return Some(Said::Transcribed { stream, to }),
            RelayMessage::Status { engine, message, .. } => return Some(Said::Engine(engine, message)),
            RelayMessage::Error(report) => self.error = Some(Box::new(report)),
            _ => {}
        }
        None
    }
}

//! Both halves of a link, a pipe without delay between them, and a clock that jumps from timer to timer.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use glasslink_protocol::{
    AudioMessage, Cause, ClientMessage, CloseCode, Durability, Epoch, FrameIndex, Gap, RelayMessage,
    SessionId, StreamFormat, StreamId, StreamStart, TranscriptEvent,
};
use glasslink_session::{
    Action, Attachment, ClientConfig, ClientSession, ConnectionId, Event, Hello, LinkState, RelayAction,
    RelayConfig, RelayEvent, RelaySession, StreamOptions, Timestamp,
};

pub(crate) const SESSION: SessionId = SessionId(7);
pub(crate) const FRAME: Duration = Duration::from_millis(10);

/// What becomes of attempts to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    Up,
    /// Attempts fail at once.
    Refusing(Cause, Option<Duration>),
    /// Attempts never come to an end, and what is sent over open connections is lost.
    BlackHole,
}

pub(crate) struct Pair {
    pub(crate) now: Timestamp,
    pub(crate) client: ClientSession,
    pub(crate) relay: RelaySession,
    pub(crate) network: Network,
    /// Whether a journal holds what is captured.
    pub(crate) journal: bool,
    /// Whether the relay keeps what it receives, at once.
    pub(crate) keeping: bool,
    /// How many of the next audio messages the relay refuses, and the frames of the last one it refused.
    pub(crate) refusals: u32,
    pub(crate) refused: Option<Range<FrameIndex>>,
    /// Whether connections break behind the relay's `welcome`.
    pub(crate) breaking: bool,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) attachment: Option<Attachment>,
    /// When the client began each attempt.
    pub(crate) attempts: Vec<Timestamp>,
    pub(crate) states: Vec<LinkState>,
    pub(crate) events: Vec<Event>,
    pub(crate) hellos: Vec<Hello>,
    /// Text the client sent, `hello` aside.
    pub(crate) sent: Vec<ClientMessage>,
    pub(crate) audio: Vec<Bytes>,
    /// What the relay handed on: index and when.
    pub(crate) arrived: Vec<(StreamId, FrameIndex, Timestamp)>,
    pub(crate) relay_events: Vec<RelayEvent>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(ClientConfig::default(), RelayConfig::new(Epoch(1), Durability::Memory))
    }

    pub(crate) fn with(client: ClientConfig, relay: RelayConfig) -> Self {
        let now = Timestamp::ZERO;
        Self {
            now,
            client: ClientSession::new(client, SESSION, 42),
            relay: RelaySession::new(relay, SESSION, now),
            network: Network::Up,
            journal: false,
            keeping: true,
            refusals: 0,
            refused: None,
            breaking: false,
            connection: None,
            attachment: None,
            attempts: Vec::new(),
            states: Vec::new(),
            events: Vec::new(),
            hellos: Vec::new(),
            sent: Vec::new(),
            audio: Vec::new(),
            arrived: Vec::new(),
            relay_events: Vec::new(),
        }
    }

    /// A pair that is live and has a stream.
    pub(crate) fn live() -> (Self, StreamId) {
        let mut pair = Self::new();
        let stream = pair.open();
        pair.connect();
        assert_eq!(pair.client.state(), LinkState::Live);
        (pair, stream)
    }

    pub(crate) fn open(&mut self) -> StreamId {
        self.client.open_stream(self.now, format(), StreamOptions::default()).unwrap()
    }

    pub(crate) fn connect(&mut self) {
        self.client.connect(self.now);
        self.settle();
    }

    /// Captures for `lasting`, a frame every 10 ms.
    pub(crate) fn capture(&mut self, stream: StreamId, lasting: Duration) {
        for _ in 0..lasting.as_millis() / FRAME.as_millis() {
            self.push(stream);
            self.advance(FRAME);
        }
    }

    /// Captures as a program does whose source is live: as another stream when the session wants one.
    pub(crate) fn speak(&mut self, stream: &mut StreamId, lasting: Duration) {
        for _ in 0..lasting.as_millis() / FRAME.as_millis() {
            *stream = self.client.continuation(*stream).unwrap_or(*stream);
            self.push(*stream);
            self.advance(FRAME);
        }
    }

    pub(crate) fn push(&mut self, stream: StreamId) {
        let index = self.client.push(self.now, stream, &[0x5a; 20]).unwrap();
        if self.journal {
            self.client.journaled(stream, index + 1);
        }
        self.settle();
    }

    /// Lets time pass, from timer to timer.
    pub(crate) fn advance(&mut self, lasting: Duration) {
        let end = self.now + lasting;
        loop {
            let due = [self.client.poll_timeout(), self.relay.poll_timeout()].into_iter().flatten().min();
            self.now = due.map_or(end, |due| due.clamp(self.now, end));
            self.client.handle_timeout(self.now);
            self.relay.handle_timeout(self.now);
            self.settle();
            if self.now == end {
                return;
            }
        }
    }

    /// The connection breaks, and attempts do from here on what `network` says.
    pub(crate) fn cut(&mut self, network: Network) {
        self.network = network;
        if let Some(attachment) = self.attachment.take() {
            self.relay.detach(self.now, attachment);
        }
        if let Some(connection) = self.connection.take() {
            self.client.closed(self.now, connection, Cause::Reset, None);
        }
        self.settle();
    }

    /// The relay's process is replaced by one that knows nothing.
    pub(crate) fn forget(&mut self, epoch: u64) {
        self.relay = RelaySession::new(RelayConfig::new(Epoch(epoch), Durability::Memory), SESSION, self.now);
        self.attachment = None;
        if let Some(connection) = self.connection.take() {
            self.client.closed(self.now, connection, Cause::Reset, None);
        }
        self.settle();
    }

    /// The relay says something on its own account.
    pub(crate) fn tell(&mut self, message: &RelayMessage) {
        let connection = self.connection.unwrap();
        self.client.text(self.now, connection, &message.encode()).unwrap();
        self.settle();
    }

    /// Something else than our client says it to the relay.
    pub(crate) fn say(&mut self, message: &ClientMessage) {
        let attachment = self.attachment.unwrap();
        self.relay.text(self.now, attachment, &message.encode());
        self.settle();
    }

    /// The gaps the program was told, and those of the transcript.
    pub(crate) fn gaps(&self) -> (Vec<Gap>, Vec<Gap>) {
        let told = self.events.iter().filter_map(|event| match event {
            Event::Gap(gap) => Some(*gap),
            _ => None,
        });
        let transcribed = self.events.iter().filter_map(|event| match event {
            Event::Transcript { event: TranscriptEvent::Gap(gap), .. } => Some(*gap),
            _ => None,
        });
        (told.collect(), transcribed.collect())
    }

    /// Carries out what both halves want done, until neither wants anything.
    pub(crate) fn settle(&mut self) {
        loop {
            if let Some(action) = self.client.poll_action() {
                self.client_action(action);
            } else if let Some(action) = self.relay.poll_action() {
                self.relay_action(action);
            } else {
                break;
            }
        }
        self.check();
    }

    /// What holds at every moment.
    fn check(&self) {
        let stats = self.client.stats();
        assert!(stats.balances(), "{stats:?}");
        for sums in self.relay.sums() {
            assert_eq!(sums.received - sums.from, sums.frames + sums.lost + sums.absent, "{sums:?}");
        }
    }

    fn client_action(&mut self, action: Action) {
        match action {
            Action::Connect { connection } => {
                assert_eq!(self.connection, None, "a second connection was asked for");
                self.attempts.push(self.now);
                match self.network {
                    Network::Up => {
                        self.connection = Some(connection);
                        self.client.opened(self.now, connection);
                    }
                    Network::Refusing(cause, pause) => self.client.closed(self.now, connection, cause, pause),
                    Network::BlackHole => self.connection = Some(connection),
                }
            }
            Action::Close { connection, .. } => {
                if self.connection == Some(connection) {
                    self.connection = None;
                    if let Some(attachment) = self.attachment.take() {
                        self.relay.detach(self.now, attachment);
                    }
                }
            }
            Action::SendText { connection, text } => {
                assert_eq!(Some(connection), self.connection);
                if self.network != Network::BlackHole {
                    self.text(&text);
                }
            }
            Action::SendAudio { connection, message } => {
                assert_eq!(Some(connection), self.connection);
                self.audio.push(message.clone());
                if let (Some(attachment), Network::Up) = (self.attachment, self.network) {
                    let audio = AudioMessage::decode(&message).unwrap();
                    if self.refusals > 0 {
                        self.refusals -= 1;
                        self.refused = Some(audio.first..audio.end());
                        self.relay.reject(audio.stream, audio.first, audio.end(), "refused by the test");
                    } else {
                        self.relay.audio(self.now, attachment, &message);
                    }
                }
            }
            Action::Fetch { stream, from, to } => {
                assert!(self.journal, "there is no journal here");
                let frames = vec![[0x5a; 20]; (to.0 - from.0) as usize];
                self.client.fetched(self.now, stream, from, frames.iter().map(|frame| &frame[..])).unwrap();
            }
            Action::Event(Event::State(state)) => {
                assert_ne!(self.states.last(), Some(&state), "a state was told twice in a row");
                self.states.push(state);
            }
            Action::Event(event) => self.events.push(event),
        }
    }

    fn text(&mut self, text: &str) {
        let message = ClientMessage::decode(text).unwrap();
        match (Hello::try_from(message), self.attachment) {
            (Ok(hello), _) => {
                self.hellos.push(hello.clone());
                match self.relay.attach(self.now, &hello) {
                    Ok(attachment) => self.attachment = Some(attachment),
                    Err(error) => {
                        let connection = self.connection.take().unwrap();
                        self.client.closed(self.now, connection, error.cause(), None);
                    }
                }
            }
            (Err(message), Some(attachment)) => {
                self.sent.push(message);
                self.relay.text(self.now, attachment, text);
            }
            (Err(message), None) => panic!("{message:?} before hello"),
        }
    }

    fn relay_action(&mut self, action: RelayAction) {
        match action {
            RelayAction::SendText { attachment, text } => {
                if self.attachment == Some(attachment) && self.network == Network::Up {
                    self.client.text(self.now, self.connection.unwrap(), &text).unwrap();
                    if self.breaking {
                        self.cut(Network::Refusing(Cause::NetworkDown, None));
                    }
                }
            }
            RelayAction::Close { attachment, code } => {
                if self.attachment == Some(attachment) {
                    self.attachment = None;
                    if let Some(connection) = self.connection.take() {
                        self.client.closed(self.now, connection, CloseCode::cause(code.code()), None);
                    }
                }
            }
            RelayAction::Event(event) => {
                self.relay_event(&event);
                self.relay_events.push(event);
            }
        }
    }

    fn relay_event(&mut self, event: &RelayEvent) {
        match event {
            RelayEvent::Frames { stream, first, count, .. } => {
                for offset in 0..u64::from(*count) {
                    self.arrived.push((*stream, *first + offset, self.now));
                }
                self.keep(*stream, *first + u64::from(*count));
            }
            RelayEvent::Gap(gap) => self.keep(gap.stream, gap.to),
            _ => {}
        }
    }

    fn keep(&mut self, stream: StreamId, next: FrameIndex) {
        if self.keeping {
            self.relay.kept(self.now, stream, next);
        }
    }
}

pub(crate) fn format() -> StreamFormat {
    StreamFormat::lc3(16_000, 20).unwrap()
}

/// A `hello` of another program, or of an older connection.
pub(crate) fn hello(holder: u64, attach: u64, take: bool) -> Hello {
    let hello = ClientMessage::Hello {
        session: SESSION,
        holder,
        attach,
        take,
        epoch: None,
        events_after: glasslink_protocol::EventNumber(0),
        ping_ms: 5_000,
        streams: vec![],
        continues: None,
        client: String::new(),
        remote_speech: false,
    };
    Hello::try_from(hello).unwrap()
}

pub(crate) fn start(stream: u32, from: u64) -> StreamStart {
    StreamStart {
        stream: StreamId(stream),
        format: format(),
        from: FrameIndex(from),
        transcribed: FrameIndex(0),
        continues: None,
        label: String::new(),
    }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

//! Frames per second through both halves of a session, on one core, in memory: numbered, buffered, put into messages,
//! taken apart, acknowledged and freed.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use glasslink_protocol::{ClientMessage, Durability, Epoch, SessionId, StreamFormat, StreamId};
use glasslink_session::{
    Action, Attachment, ClientConfig, ClientSession, ConnectionId, Hello, RelayAction, RelayConfig,
    RelayEvent, RelaySession, StreamOptions, Timestamp,
};

const SESSION: SessionId = SessionId(1);
const FRAME: Duration = Duration::from_millis(10);
const FRAMES: u64 = 10_000;

struct Link {
    now: Timestamp,
    client: ClientSession,
    relay: RelaySession,
    connection: ConnectionId,
    attachment: Option<Attachment>,
    stream: StreamId,
}

impl Link {
    fn new() -> Self {
        let now = Timestamp::ZERO;
        let mut client = ClientSession::new(ClientConfig::default(), SESSION, 1);
        let format = StreamFormat::lc3(16_000, 20).expect("a usual format");
        let stream = client.open_stream(now, format, StreamOptions::default()).expect("the first stream");
        let relay = RelaySession::new(RelayConfig::new(Epoch(1), Durability::Memory), SESSION, now);
        let mut link = Self { now, client, relay, connection: ConnectionId(0), attachment: None, stream };
        link.client.connect(now);
        link.drain();
        link
    }

    /// Captures a frame, and does what is due by then.
    fn frame(&mut self, frame: &[u8]) {
        self.now = self.now + FRAME;
        self.client.push(self.now, self.stream, frame).expect("the buffer never fills");
        if self.client.poll_timeout().is_some_and(|due| due <= self.now) {
            self.client.handle_timeout(self.now);
        }
        if self.relay.poll_timeout().is_some_and(|due| due <= self.now) {
            self.relay.handle_timeout(self.now);
        }
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            if let Some(action) = self.client.poll_action() {
                self.client_action(action);
            } else if let Some(action) = self.relay.poll_action() {
                self.relay_action(action);
            } else {
                return;
            }
        }
    }

    fn client_action(&mut self, action: Action) {
        match action {
            Action::Connect { connection } => {
                self.connection = connection;
                self.client.opened(self.now, connection);
            }
            Action::SendText { text, .. } => {
                if let Some(attachment) = self.attachment {
                    self.relay.text(self.now, attachment, &text);
                } else {
                    let hello = ClientMessage::decode(&text).map(Hello::try_from);
                    let hello = hello.expect("the client writes messages").expect("hello comes first");
                    self.attachment = self.relay.attach(self.now, &hello).ok();
                }
            }
            Action::SendAudio { message, .. } => {
                let attachment = self.attachment.expect("audio follows hello");
                self.relay.audio(self.now, attachment, &message);
            }
            _ => {}
        }
    }

    fn relay_action(&mut self, action: RelayAction) {
        match action {
            RelayAction::SendText { text, .. } => {
                self.client.text(self.now, self.connection, &text).expect("the relay writes messages");
            }
            RelayAction::Event(RelayEvent::Frames { stream, first, count, body }) => {
                black_box(body);
                self.relay.kept(self.now, stream, first + u64::from(count));
            }
            _ => {}
        }
    }
}

fn throughput(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("session");
    group.throughput(Throughput::Elements(FRAMES));
    group.bench_function("both halves, frames", |bencher| {
        let mut link = Link::new();
        bencher.iter(|| (0..FRAMES).for_each(|_| link.frame(black_box(&[0x5a; 20]))));
        let stats = link.client.stats();
        assert!(stats.lost == 0 && stats.buffered < 100, "the relay kept up: {stats:?}");
    });
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);

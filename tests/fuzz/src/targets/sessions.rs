use std::time::Duration;

use bytes::Bytes;
use glasslink_protocol::{ClientMessage, Durability, Epoch, FrameIndex, SessionId, StreamFormat};
use glasslink_session::{
    Action, Attachment, ClientConfig, ClientSession, ConnectionId, Hello, RelayAction, RelayConfig,
    RelayEvent, RelaySession, StreamOptions, Timestamp,
};

use super::hexadecimal;

/// Actions that one input brings about: a session that goes on for ever hangs.
const MOST_ACTIONS: usize = 100_000;

const SESSION: SessionId = SessionId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);

/// What the other end does.
enum Step<'a> {
    Text(&'a str),
    Audio(Bytes),
    Time(Duration),
    /// The connection breaks, and another comes.
    Again,
}

fn steps(text: &str) -> impl Iterator<Item = Step<'_>> {
    text.lines().filter(|line| !line.is_empty()).map(|line| {
        let rest = line.get(1..).unwrap_or_default();
        match line.as_bytes()[0] {
            b'~' => Step::Audio(hexadecimal(rest)),
            b'+' => Step::Time(Duration::from_millis(rest.parse().unwrap_or(10).min(3_600_000))),
            b'!' => Step::Again,
            _ => Step::Text(line),
        }
    })
}

/// A client that says anything to a relay's half.
pub(super) fn relay(input: &[u8]) {
    let config = RelayConfig {
        epoch: Epoch(1),
        durability: Durability::Memory,
        keep: Duration::from_mins(10),
        history_events: 100,
        history_bytes: 10_000,
        relay: "fuzz".into(),
    };
    let mut now = Timestamp::ZERO;
    let mut session = RelaySession::new(config, SESSION, now);
    let mut attachment = None;
    for step in steps(&String::from_utf8_lossy(input)) {
        match (step, attachment) {
            (Step::Time(passed), _) => now = now + passed,
            (Step::Again, Some(open)) => {
                session.detach(now, open);
                attachment = None;
            }
            (Step::Text(text), None) => {
                let hello = ClientMessage::decode(text).ok().and_then(|hello| Hello::try_from(hello).ok());
                attachment = hello.and_then(|hello| session.attach(now, &hello).ok());
            }
            (Step::Text(text), Some(open)) => session.text(now, open, text),
            (Step::Audio(message), Some(open)) => session.audio(now, open, &message),
            (Step::Again | Step::Audio(_), None) => {}
        }
        if session.poll_timeout().is_some_and(|due| due <= now) {
            session.handle_timeout(now);
        }
        relay_acts(&mut session, now, &mut attachment);
        for sums in session.sums() {
            assert!(sums.kept <= sums.received, "{sums:?}");
        }
    }
}

fn relay_acts(session: &mut RelaySession, now: Timestamp, attachment: &mut Option<Attachment>) {
    for _ in 0..MOST_ACTIONS {
        match session.poll_action() {
            None => return,
            Some(RelayAction::Close { attachment: closed, .. }) if *attachment == Some(closed) => {
                session.detach(now, closed);
                *attachment = None;
            }
            Some(RelayAction::Event(RelayEvent::Frames { stream, first, count, .. })) => {
                session.kept(now, stream, FrameIndex(first.0 + u64::from(count)));
            }
            Some(RelayAction::SendText { .. } | RelayAction::Event(_) | RelayAction::Close { .. }) => {}
        }
    }
    panic!("the relay's half goes on for ever");
}

/// A relay that says anything to a client's half.
pub(super) fn client(input: &[u8]) {
    let mut now = Timestamp::ZERO;
    let mut session = ClientSession::new(ClientConfig::default(), SESSION, 1);
    let format = StreamFormat::lc3(16_000, 20).expect("a format there is");
    let stream = session.open_stream(now, format, StreamOptions::default()).expect("a first one");
    session.connect(now);
    let mut connection = None;
    for step in steps(&String::from_utf8_lossy(input)) {
        match (step, connection) {
            (Step::Time(passed), _) => now = now + passed,
            (Step::Again, Some(open)) => {
                session.closed(now, open, glasslink_protocol::Cause::Reset, None);
                session.network_changed(now);
            }
            // What cannot be understood ends the connection.
            (Step::Text(text), Some(open)) => drop(session.text(now, open, text)),
            (Step::Audio(_), Some(open)) => session.traffic(now, open),
            (_, None) => session.network_changed(now),
        }
        let _ = session.push(now, stream, &[0; 20]);
        if session.poll_timeout().is_some_and(|due| due <= now) {
            session.handle_timeout(now);
        }
        client_acts(&mut session, now, &mut connection);
        assert!(session.stats().balances(), "{:?}", session.stats());
    }
}

fn client_acts(session: &mut ClientSession, now: Timestamp, connection: &mut Option<ConnectionId>) {
    for _ in 0..MOST_ACTIONS {
        match session.poll_action() {
            None => return,
            Some(Action::Connect { connection: fresh }) => {
                *connection = Some(fresh);
                session.opened(now, fresh);
            }
            Some(Action::Close { connection: closed, .. }) if *connection == Some(closed) => {
                *connection = None;
            }
            Some(Action::Fetch { stream, from, to }) => session.fetch_failed(now, stream, from, to),
            Some(_) => {}
        }
    }
    panic!("the client's half goes on for ever");
}

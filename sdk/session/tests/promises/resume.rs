use glasslink_protocol::{
    AudioMessage, Cause, ClientMessage, Durability, Epoch, EventNumber, Final, FrameIndex, GapCause, Partial,
    RelayMessage, ResumedStream, StreamId, StreamStart, TranscriptEvent,
};
use glasslink_session::{Action, ClientConfig, Event, RelayAction, RelayConfig, RelayEvent};

use crate::pair::{Network, Pair, SESSION, hello, millis, seconds, start};

// SPEC P8.1
#[test]
fn every_connection_says_what_it_had_and_learns_the_epoch() {
    let (mut pair, stream) = Pair::live();
    for _ in 0..3 {
        pair.capture(stream, seconds(6));
        pair.cut(Network::Up);
    }
    pair.advance(seconds(6));
    pair.forget(2);
    let epochs: Vec<_> = pair.hellos.iter().map(|hello| hello.epoch).collect();
    assert_eq!(epochs, [None, Some(Epoch(1)), Some(Epoch(1)), Some(Epoch(1)), Some(Epoch(1))]);
    assert!(pair.hellos.iter().all(|hello| hello.session == SESSION && hello.streams.len() == 1));
    let told: Vec<_> = pair.events.iter().filter(|event| matches!(event, Event::Epoch(_))).collect();
    assert_eq!(told, [&Event::Epoch(Epoch(1)), &Event::Epoch(Epoch(2))]);
}

// SPEC P8.2
#[test]
fn in_the_same_epoch_only_what_did_not_arrive_is_sent_again() {
    let (mut pair, stream) = Pair::live();
    pair.keeping = false;
    pair.capture(stream, seconds(3));
    let received = pair.relay.sums().next().unwrap().received;
    pair.audio.clear();
    pair.cut(Network::Up);
    pair.capture(stream, seconds(1));
    assert_eq!(AudioMessage::decode(&pair.audio[0]).unwrap().first, received);
    assert_eq!(pair.relay.sums().next().unwrap().duplicates, 0);
}

// SPEC P8.3
#[test]
fn in_a_new_epoch_everything_not_kept_comes_again_under_its_number() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(3));
    pair.keeping = false;
    pair.capture(stream, seconds(3));
    let sums = pair.client.sums(stream).unwrap();
    pair.arrived.clear();
    pair.forget(2);
    pair.keeping = true;
    pair.capture(stream, seconds(6));
    let indices: Vec<u64> = pair.arrived.iter().map(|(_, index, _)| index.0).collect();
    assert_eq!(indices[0], sums.acknowledged, "from the first that was not kept");
    assert!(indices.windows(2).all(|two| two[0] + 1 == two[1]));
    assert_eq!(pair.client.stats().lost, 0);
}

// SPEC P8.4
#[test]
fn what_died_with_the_old_epoch_is_told_once_in_the_transcript() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(4));
    settle_final(&mut pair, stream, 0, 150);
    pair.capture(stream, seconds(1));
    let kept = pair.client.sums(stream).unwrap().acknowledged;
    pair.forget(2);
    pair.capture(stream, seconds(6));
    pair.cut(Network::Up);
    pair.capture(stream, seconds(1));
    let (_, transcribed) = pair.gaps();
    let told: Vec<_> = transcribed.iter().map(|gap| (gap.from.0, gap.to.0, gap.cause)).collect();
    assert_eq!(told, [(150, kept, GapCause::RelayLostHistory)]);
}

// SPEC P8.5
#[test]
fn finals_are_numbered_without_holes_and_told_once_whatever_the_cuts() {
    let (mut pair, stream) = Pair::live();
    for n in 0..10 {
        pair.capture(stream, seconds(1));
        if n % 3 == 0 {
            pair.cut(Network::Refusing(Cause::NetworkDown, None));
        }
        settle_final(&mut pair, stream, n * 50, n * 50 + 50);
        pair.relay.partial(Partial { stream, from: FrameIndex(n * 50), revision: 1, text: "w".into() });
        pair.settle();
        pair.network = Network::Up;
        pair.advance(seconds(16));
    }
    let numbers: Vec<u64> = pair
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Transcript { epoch: Epoch(1), number, .. } => Some(number.0),
            _ => None,
        })
        .collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    let partials = pair.events.iter().filter(|event| matches!(event, Event::Partial(_))).count();
    assert_eq!(partials, 6, "a partial said during an outage is not replayed");
}

// SPEC P8.6 P14.2
#[test]
fn a_history_that_was_cut_off_is_told() {
    let relay = RelayConfig { history_events: 3, ..RelayConfig::new(Epoch(1), Durability::Memory) };
    let mut pair = Pair::with(ClientConfig::default(), relay);
    let stream = pair.open();
    pair.connect();
    pair.capture(stream, seconds(6));
    settle_final(&mut pair, stream, 0, 50);
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    for n in 1..9 {
        settle_final(&mut pair, stream, n * 50, n * 50 + 50);
    }
    pair.network = Network::Up;
    pair.advance(seconds(16));
    let gone = Event::HistoryTruncated { epoch: Epoch(1), from: EventNumber(2), to: EventNumber(7) };
    assert!(pair.events.contains(&gone), "{:?}", pair.events);
    pair.advance(millis(100));
    let numbers = pair.events.iter().filter(|event| matches!(event, Event::Transcript { .. })).count();
    assert_eq!(numbers, 1 + 3);
}

// SPEC P8.4 P8.5
#[test]
fn a_stream_is_not_done_before_the_finals_behind_the_welcome_came() {
    let (mut pair, stream) = ended_and_transcribed_in_an_outage();
    pair.breaking = true;
    pair.network = Network::Up;
    pair.advance(seconds(16));
    assert!(!pair.client.is_done(stream), "the relay's mark is not the final");
    pair.forget(2);
    pair.breaking = false;
    pair.network = Network::Up;
    pair.advance(seconds(16));
    let told: Vec<_> = pair.gaps().1.iter().map(|gap| (gap.from.0, gap.to.0, gap.cause)).collect();
    assert_eq!(told, [(150, 300, GapCause::RelayLostHistory)]);
}

// SPEC P8.5
#[test]
fn a_stream_whose_finals_are_replayed_is_done_behind_them() {
    let (mut pair, stream) = ended_and_transcribed_in_an_outage();
    pair.network = Network::Up;
    pair.advance(seconds(16));
    assert!(pair.client.is_done(stream));
    let mark = Event::Transcribed { stream, to: FrameIndex(300) };
    let place = |wanted: &dyn Fn(&Event) -> bool| pair.events.iter().rposition(wanted).unwrap();
    let last = place(&|event| matches!(event, Event::Transcript { .. }));
    assert!(last < place(&|event| *event == mark), "{:?}", pair.events);
}

// SPEC P8.5
#[test]
fn an_event_that_was_lost_after_it_was_told_does_not_lend_its_number_to_another() {
    let mut pair = Pair::new();
    let mut fields = hello(1, 1, true);
    (fields.epoch, fields.events_after) = (Some(pair.relay.epoch()), EventNumber(7));
    pair.relay.attach(pair.now, &fields).unwrap();
    assert_eq!(pair.relay.next_event(), EventNumber(8));
    (fields.attach, fields.events_after) = (2, EventNumber(u64::MAX));
    pair.relay.attach(pair.now, &fields).unwrap();
    assert_eq!(pair.relay.next_event(), EventNumber(8), "no such number is ever told");
}

// SPEC P4.1 P8.3
#[test]
fn what_a_new_epoch_claims_counts_only_once_its_gaps_were_told() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(5));
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.capture(stream, seconds(2));
    let kept = FrameIndex(pair.client.sums(stream).unwrap().acknowledged);
    assert!(kept > FrameIndex(0));
    let mark = ResumedStream { stream, received: kept, kept, limit: None, transcribed: kept, ended: false };
    let welcome = RelayMessage::Welcome {
        session: SESSION,
        epoch: Epoch(2),
        durability: Durability::Memory,
        streams: vec![mark],
        events_from: EventNumber(1),
        keep_ms: 600_000,
        relay: String::new(),
    };
    // A relay that forgot everything says so, and is gone before it told what is missing; so does the next one.
    for _ in 0..2 {
        pair.now = pair.now + seconds(20);
        pair.client.network_changed(pair.now);
        let connection = action(&mut pair, |action| match action {
            Action::Connect { connection } => Some(connection),
            _ => None,
        });
        pair.client.opened(pair.now, connection);
        let streams = action(&mut pair, |action| match action {
            Action::SendText { text, .. } => match ClientMessage::decode(&text) {
                Ok(ClientMessage::Hello { streams, .. }) => Some(streams),
                _ => None,
            },
            _ => None,
        });
        assert_eq!(streams[0].transcribed, FrameIndex(0), "nobody told what became of them");
        pair.client.text(pair.now, connection, &welcome.encode()).unwrap();
        pair.client.closed(pair.now, connection, Cause::Reset, None);
    }
}

/// A stream of 300 frames. The finals of half of them and of the silence at the end were said when nobody was there.
fn ended_and_transcribed_in_an_outage() -> (Pair, StreamId) {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(3));
    settle_final(&mut pair, stream, 0, 150);
    pair.client.end_stream(pair.now, stream);
    pair.advance(seconds(1));
    assert!(pair.client.is_kept() && !pair.client.is_done(stream));
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    settle_final(&mut pair, stream, 150, 250);
    pair.relay.transcribed(pair.now, stream, FrameIndex(300));
    (pair, stream)
}

/// The next of the client's actions that `pick` takes.
fn action<T>(pair: &mut Pair, pick: impl Fn(Action) -> Option<T>) -> T {
    loop {
        let action = pair.client.poll_action().expect("it acts at once");
        if let Some(picked) = pick(action) {
            return picked;
        }
    }
}

fn settle_final(pair: &mut Pair, stream: StreamId, from: u64, to: u64) {
    let (from, to) = (FrameIndex(from), FrameIndex(to));
    let settled = Final { stream, from, to, text: "word".into(), words: vec![] };
    pair.relay.append(TranscriptEvent::Final(settled));
    pair.relay.transcribed(pair.now, stream, to);
    pair.settle();
}

// SPEC P8.4
#[test]
fn a_client_that_died_and_forgot_finals_of_an_old_epoch_is_told_that_they_are_gone() {
    let mut pair = Pair::new();
    let attach = |pair: &mut Pair, holder, transcribed| {
        let mut hello = hello(holder, 1, true);
        let transcribed = FrameIndex(transcribed);
        hello.streams = vec![StreamStart { transcribed, ..start(3, 120) }];
        pair.relay.attach(pair.now, &hello).unwrap();
    };
    attach(&mut pair, 1, 120);
    attach(&mut pair, 2, 100);
    attach(&mut pair, 3, 100);
    let mut told = Vec::new();
    while let Some(action) = pair.relay.poll_action() {
        if let RelayAction::Event(RelayEvent::Appended { event: TranscriptEvent::Gap(gap), .. }) = action {
            told.push((gap.from.0, gap.to.0, gap.cause));
        }
    }
    assert_eq!(told, [(100, 120, GapCause::RelayLostHistory)]);
}

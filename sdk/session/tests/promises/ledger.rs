use glasslink_protocol::{
    Cause, ClientMessage, Durability, EventNumber, FrameIndex, Gap, GapCause, RelayMessage, ResumedStream,
    StreamSums,
};
use glasslink_session::{Action, PushError, RelayEvent};

use crate::pair::{FRAME, Network, Pair, SESSION, millis, seconds};

// SPEC P1.1 P1.2: the pair checks both ends after every step.
#[test]
fn both_ledgers_balance_at_every_moment_of_a_bad_five_minutes() {
    let (mut pair, stream) = Pair::live();
    for (online, offline) in [(1, 2), (10, 30), (0, 120), (4, 1), (60, 70)] {
        pair.capture(stream, seconds(online));
        pair.client.skip(pair.now, stream, 7, GapCause::Radio).unwrap();
        pair.cut(Network::Refusing(Cause::NetworkDown, None));
        pair.capture(stream, seconds(offline));
        pair.network = Network::Up;
    }
    pair.capture(stream, seconds(60));
    let sums = pair.client.sums(stream).unwrap();
    assert!(sums.lost > 0 && sums.acknowledged > 20_000, "{sums:?}");
    assert_eq!(sums.captured, (75 + 223 + 60) * 100 + 5 * 7);
}

// SPEC P4.1
#[test]
fn what_the_buffer_holds_when_the_link_is_back_goes_out_whole_however_slowly_it_begins() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(6));
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.capture(stream, seconds(120));
    let lost = pair.client.stats().lost;
    assert!(lost >= 3_000, "{lost}");
    // The relay welcomes it, and what it says next is half a second under way.
    let kept = pair.client.sums(stream).unwrap().acknowledged;
    pair.client.network_changed(pair.now);
    let connection = loop {
        match pair.client.poll_action() {
            Some(Action::Connect { connection }) => break connection,
            Some(_) => {}
            None => panic!("it tries at once"),
        }
    };
    pair.client.opened(pair.now, connection);
    let mark = ResumedStream {
        stream,
        received: FrameIndex(kept),
        kept: FrameIndex(kept),
        limit: None,
        transcribed: FrameIndex(0),
        ended: false,
    };
    let welcome = RelayMessage::Welcome {
        session: SESSION,
        epoch: pair.relay.epoch(),
        durability: Durability::Memory,
        streams: vec![mark],
        events_from: EventNumber(1),
        keep_ms: 600_000,
        relay: String::new(),
    };
    pair.client.text(pair.now, connection, &welcome.encode()).unwrap();
    assert!(pair.client.state().is_live());
    for _ in 0..50 {
        pair.now = pair.now + FRAME;
        pair.client.push(pair.now, stream, &[0x5a; 20]).unwrap();
        pair.client.handle_timeout(pair.now);
    }
    assert_eq!(pair.client.stats().lost, lost);
}

// SPEC P1.3
#[test]
fn the_radios_losses_count_and_time_without_a_source_does_not() {
    let (mut pair, stream) = Pair::live();
    pair.push(stream);
    pair.client.skip(pair.now, stream, 3, GapCause::Radio).unwrap();
    pair.client.skip(pair.now, stream, 50, GapCause::Absent).unwrap();
    let last = pair.client.push(pair.now, stream, &[0; 20]).unwrap();
    assert_eq!(last.0, 1 + 3 + 50, "both move the index");
    let sums = pair.client.sums(stream).unwrap();
    assert_eq!((sums.captured, sums.lost, sums.absent), (5, 3, 50));
    pair.advance(seconds(1));
    let relay = pair.relay.sums().next().unwrap();
    assert_eq!((relay.frames, relay.lost, relay.absent), (2, 3, 50));
}

// SPEC P1.4
#[test]
fn a_client_reports_its_ledger_every_second_while_it_changes() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(10));
    let reports =
        |pair: &Pair| pair.sent.iter().filter(|sent| matches!(sent, ClientMessage::Sums { .. })).count();
    assert!((9..=11).contains(&reports(&pair)), "{}", reports(&pair));
    pair.advance(seconds(2));
    let quiet = reports(&pair);
    pair.advance(seconds(60));
    assert_eq!(reports(&pair), quiet, "nothing changed");
    assert!(!pair.relay_events.iter().any(|event| matches!(event, RelayEvent::LedgerMismatch(_))));
}

// SPEC P1.4
#[test]
fn a_ledger_that_does_not_add_up_is_told() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, millis(500));
    let unbalanced = StreamSums { stream, captured: 50, acknowledged: 10, buffered: 10, lost: 10, absent: 0 };
    let boastful = StreamSums { stream, captured: 900, acknowledged: 900, buffered: 0, lost: 0, absent: 0 };
    for sums in [unbalanced, boastful] {
        pair.say(&ClientMessage::Sums { streams: vec![sums] });
        assert_eq!(pair.relay_events.last(), Some(&RelayEvent::LedgerMismatch(sums)));
    }
}

#[test]
fn a_closed_link_takes_nothing_and_says_so() {
    let (mut pair, stream) = Pair::live();
    pair.client.close(pair.now);
    pair.settle();
    let before = pair.client.stats();
    assert_eq!(pair.client.push(pair.now, stream, &[0; 20]), Err(PushError::Closed));
    assert_eq!(pair.client.skip(pair.now, stream, 5, GapCause::Radio), Err(PushError::Closed));
    assert_eq!(pair.client.stats(), before);
}

#[test]
fn ending_every_stream_ends_those_that_are_still_open() {
    let (mut pair, first) = Pair::live();
    let second = pair.open();
    pair.capture(first, seconds(1));
    pair.client.end_streams(pair.now);
    pair.settle();
    for stream in [first, second] {
        assert_eq!(pair.client.push(pair.now, stream, &[0; 20]), Err(PushError::NotOpen(stream)));
    }
    pair.advance(seconds(5));
    assert!(pair.client.is_kept());
}

// SPEC P4.1
#[test]
fn while_the_network_is_gone_a_gap_is_told_a_second_not_a_frame() {
    let (mut pair, stream) = Pair::live();
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.capture(stream, seconds(120));
    let (gaps, _) = pair.gaps();
    assert!((25..=35).contains(&gaps.len()), "{}", gaps.len());
    let told: u64 = gaps.iter().map(Gap::frames).sum();
    assert_eq!(told, pair.client.stats().lost);
}

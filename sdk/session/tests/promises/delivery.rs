use glasslink_protocol::{AudioMessage, Cause, ClientMessage, FrameIndex, Gap, GapCause};
use glasslink_session::{ClientConfig, Event, PushError, RelayEvent, StreamOptions, WhenFull};

use crate::pair::{Network, Pair, format, millis, seconds};

// SPEC P2.1 P2.2
#[test]
fn frames_that_come_again_are_dropped_and_the_others_stay_in_order() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(2));
    let attachment = pair.attachment.unwrap();
    for message in pair.audio.clone() {
        pair.relay.audio(pair.now, attachment, &message);
    }
    // Half old, half new.
    let received = pair.relay.sums().next().unwrap().received;
    let mut straddling = Vec::new();
    AudioMessage { stream, first: FrameIndex(received.0 - 2), count: 4, body: &[1; 80] }
        .encode(&mut straddling);
    pair.relay.audio(pair.now, attachment, &straddling.into());
    pair.settle();
    let indices: Vec<u64> = pair.arrived.iter().map(|(_, index, _)| index.0).collect();
    assert_eq!(indices, (0..received.0 + 2).collect::<Vec<_>>());
    assert_eq!(pair.relay.sums().next().unwrap().duplicates, received.0 + 2);
}

// SPEC P3.1
#[test]
fn an_outage_of_sixty_seconds_loses_nothing() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(5));
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.capture(stream, seconds(60));
    pair.network = Network::Up;
    pair.capture(stream, seconds(45));
    assert_eq!((pair.client.stats().lost, pair.gaps()), (0, (vec![], vec![])));
    assert!(pair.client.stats().buffered < 100, "all but the last second is kept");
    let indices: Vec<u64> = pair.arrived.iter().map(|(_, index, _)| index.0).collect();
    assert_eq!(indices, (0..indices.len() as u64).collect::<Vec<_>>());
}

// SPEC P3.2
#[test]
fn a_full_buffer_drops_the_oldest_of_a_live_source_and_refuses_a_files() {
    let config = ClientConfig { buffer_bytes: 200, ..ClientConfig::default() };
    let mut pair = Pair::with(
        config,
        glasslink_session::RelayConfig::new(
            glasslink_protocol::Epoch(1),
            glasslink_protocol::Durability::Memory,
        ),
    );
    let live = pair.open();
    for _ in 0..15 {
        pair.push(live);
    }
    let (told, _) = pair.gaps();
    assert_eq!(
        told.iter().map(|gap| (gap.from.0, gap.to.0)).collect::<Vec<_>>(),
        (0..5).map(|n| (n, n + 1)).collect::<Vec<_>>()
    );
    let options = StreamOptions { when_full: WhenFull::Refuse, ..StreamOptions::default() };
    let file = pair.client.open_stream(pair.now, format(), options).unwrap();
    assert_eq!(pair.client.push(pair.now, file, &[0; 20]), Err(PushError::Full));
    assert_eq!(pair.client.sums(file).unwrap().captured, 0);
}

// SPEC P3.3
#[test]
fn frames_the_relay_may_have_are_never_told_as_lost() {
    let (mut pair, stream) = Pair::live();
    pair.keeping = false;
    pair.capture(stream, seconds(2));
    // Everything sent from here on is in doubt: the client hears nothing any more.
    pair.network = Network::BlackHole;
    pair.capture(stream, millis(1_000));
    let sent = AudioMessage::decode(pair.audio.last().unwrap()).unwrap().end();
    pair.capture(stream, seconds(150));
    let (told, _) = pair.gaps();
    assert!(!told.is_empty());
    assert!(told.iter().all(|gap| gap.from >= sent), "{told:?} overlap frames before {sent}");
    assert_eq!(pair.client.sums(stream).unwrap().lost, told.iter().map(Gap::frames).sum::<u64>());
}

// SPEC P3.4
#[test]
fn a_backlog_goes_out_in_order_at_four_times_real_time() {
    let (mut pair, stream) = Pair::live();
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.capture(stream, seconds(40));
    pair.network = Network::Up;
    let before = pair.arrived.len();
    pair.capture(stream, seconds(30));
    let arrived = &pair.arrived[before..];
    let first = arrived[0].2;
    for second in 1..=8 {
        let by_then = arrived.iter().filter(|(.., at)| at.since(first) <= seconds(second)).count() as u64;
        // 400 frames a second, and the bucket that is full at the start.
        assert!((360 * second..=400 * second + 40).contains(&by_then), "{by_then} frames in {second} s");
    }
    assert!(arrived.windows(2).all(|two| two[0].1 + 1 == two[1].1));
}

// SPEC P4.1
#[test]
fn every_loss_is_told_once_to_the_program_and_once_in_the_transcript() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(2));
    pair.client.skip(pair.now, stream, 30, GapCause::Radio).unwrap();
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.capture(stream, seconds(130));
    pair.network = Network::Up;
    pair.capture(stream, seconds(60));
    let (told, transcribed) = pair.gaps();
    let frames = |gaps: &[Gap], cause| {
        let mut indices: Vec<u64> =
            gaps.iter().filter(|gap| gap.cause == cause).flat_map(|gap| gap.from.0..gap.to.0).collect();
        indices.sort_unstable();
        indices
    };
    let lost = pair.client.sums(stream).unwrap().lost;
    for cause in [GapCause::Radio, GapCause::Overflow] {
        assert_eq!(frames(&told, cause), frames(&transcribed, cause), "{cause:?}");
    }
    let mut all = [frames(&told, GapCause::Radio), frames(&told, GapCause::Overflow)].concat();
    all.dedup();
    assert_eq!(all.len() as u64, lost, "each once, and the ledger agrees");
    assert!(told.iter().all(|gap| gap.ms == gap.frames() * 10));
}

// SPEC P4.2
#[test]
fn a_hole_without_a_word_is_told_in_its_place() {
    let (mut pair, stream) = Pair::live();
    let attachment = pair.attachment.unwrap();
    let mut far = Vec::new();
    AudioMessage { stream, first: FrameIndex(10), count: 1, body: &[1; 20] }.encode(&mut far);
    pair.relay.audio(pair.now, attachment, &far.into());
    pair.settle();
    let told = pair.relay_events.iter().find_map(|event| match event {
        RelayEvent::Gap(gap) => Some((gap.from.0, gap.to.0, gap.cause)),
        _ => None,
    });
    assert_eq!(told, Some((0, 10, GapCause::Unknown)));
    assert_eq!(pair.arrived.last().map(|(_, index, _)| *index), Some(FrameIndex(10)));
}

#[test]
fn a_gap_that_ends_before_it_begins_moves_nothing() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, millis(500));
    let received = pair.relay.sums().next().unwrap().received;
    let gap = Gap { stream, from: received + 100, to: received + 50, ms: 0, cause: GapCause::Radio };
    pair.say(&ClientMessage::Gap(gap));
    assert!(pair.relay.sums().all(|sums| sums.received == received), "the mark moved");
}

// SPEC P13.1
#[test]
fn a_stream_whose_last_frames_were_refused_ends_all_the_same() {
    let (mut pair, stream) = Pair::live();
    pair.refusals = 1;
    pair.push(stream);
    pair.client.end_stream(pair.now, stream);
    pair.settle();
    pair.advance(millis(1_000));
    assert!(pair.relay_events.contains(&RelayEvent::Ended { stream, at: FrameIndex(1) }));
    assert!(pair.events.contains(&Event::StreamKept(stream)), "{:?}", pair.events);
}

//! A source that stops while the link is live, and what is done about it.

use glasslink_protocol::{Cause, GapCause, StreamId};
use glasslink_session::{
    AudioCounts, Event, LinkState, RelayAction, RelayEvent, StreamOptions, WhenFull, defaults,
};

use crate::pair::{Network, Pair, format, millis, seconds};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Stalled(u32),
    Recovered(u32),
    Lost,
}

fn told(pair: &Pair) -> Vec<Told> {
    let told = pair.events.iter().filter_map(|event| match *event {
        Event::AudioStalled { rearm, .. } => Some(Told::Stalled(rearm)),
        Event::AudioRecovered { rearms, .. } => Some(Told::Recovered(rearms)),
        Event::AudioLost { .. } => Some(Told::Lost),
        _ => None,
    });
    told.collect()
}

fn told_to_the_relay(pair: &Pair) -> Vec<(u32, bool)> {
    let told = pair.relay_events.iter().filter_map(|event| match *event {
        RelayEvent::AudioStalled { rearms, given_up, .. } => Some((rearms, given_up)),
        _ => None,
    });
    told.collect()
}

fn speaking() -> (Pair, StreamId) {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(5));
    (pair, stream)
}

// SPEC P13.3
#[test]
fn a_source_that_stops_is_rearmed_three_times_thirty_seconds_apart_and_then_the_person_is_told() {
    let (mut pair, stream) = speaking();
    pair.advance(millis(2_900));
    assert_eq!(told(&pair), []);
    pair.advance(millis(200));
    assert_eq!(told(&pair), [Told::Stalled(1)]);
    pair.advance(seconds(29));
    assert_eq!(told(&pair), [Told::Stalled(1)], "it has time to come back");
    pair.advance(seconds(2));
    assert_eq!(told(&pair), [Told::Stalled(1), Told::Stalled(2)]);
    pair.advance(seconds(600));
    let all = [Told::Stalled(1), Told::Stalled(2), Told::Stalled(3), Told::Lost];
    assert_eq!(told(&pair), all, "and no more");
    assert_eq!(told_to_the_relay(&pair), [(1, false), (2, false), (3, false), (3, true)]);
    let counts = AudioCounts { stalls: 1, rearms: 3, recoveries: 0, given_up: 1 };
    assert_eq!(pair.client.stats().audio, counts);

    pair.push(stream);
    assert_eq!(told(&pair).last(), Some(&Told::Recovered(3)), "a person mended it");
    pair.advance(seconds(4));
    assert_eq!(told(&pair).last(), Some(&Told::Stalled(1)), "and a new stall is a new one");
    assert_eq!(pair.client.stats().reconnects, 0, "the link has nothing to do with it");
}

// SPEC P13.4
#[test]
fn the_thirteen_minute_spiral_a_client_too_busy_to_answer_for_40_s_recovers_in_one_attempt() {
    let (mut pair, stream) = speaking();
    pair.advance(millis(3_100));
    assert_eq!(told(&pair), [Told::Stalled(1)]);
    let states = pair.states.len();
    // The client re-arms its microphone and answers nobody; the relay's clock goes on.
    let busy_until = pair.now + seconds(40);
    while pair.now < busy_until {
        pair.now = pair.relay.poll_timeout().map_or(busy_until, |due| due.clamp(pair.now, busy_until));
        pair.relay.handle_timeout(pair.now);
        while let Some(action) = pair.relay.poll_action() {
            assert!(!matches!(action, RelayAction::Close { .. }), "the relay punishes the healing");
        }
    }
    pair.capture(stream, seconds(60));
    assert_eq!(told(&pair), [Told::Stalled(1), Told::Recovered(1)], "one attempt");
    assert_eq!(told_to_the_relay(&pair), [(1, false)]);
    assert_eq!(pair.states.len(), states, "over the same connection: {:?}", pair.states);
    let counts = AudioCounts { stalls: 1, rearms: 1, recoveries: 1, given_up: 0 };
    assert_eq!((pair.client.stats().audio, pair.client.stats().reconnects), (counts, 0));
}

// SPEC P13.4
#[test]
fn a_client_that_died_while_it_rearmed_is_noticed_all_the_same() {
    let (mut pair, _) = speaking();
    pair.advance(millis(3_100));
    let told_at = pair.now;
    while let Some(due) =
        pair.relay.poll_timeout().filter(|_| !pair.relay_events.contains(&RelayEvent::Detached))
    {
        pair.now = due;
        pair.relay.handle_timeout(due);
        while let Some(action) = pair.relay.poll_action() {
            if let RelayAction::Event(event) = action {
                pair.relay_events.push(event);
            }
        }
    }
    let after = pair.now.since(told_at);
    assert!(after <= defaults::REARM_INTERVAL + defaults::LOST_MIN, "{after:?}");
}

// SPEC P13.3
#[test]
fn a_pause_is_no_stall() {
    let (mut pair, stream) = speaking();
    pair.client.pause_stream(stream);
    pair.advance(seconds(60));
    pair.push(stream);
    pair.client.skip(pair.now, stream, 10, GapCause::Absent).unwrap();
    pair.advance(seconds(60));
    pair.push(stream);
    pair.client.end_stream(pair.now, stream);
    pair.advance(seconds(60));
    // A stream that never began, and a file, which comes when it comes.
    pair.open();
    let options = StreamOptions { when_full: WhenFull::Refuse, ..StreamOptions::default() };
    let file = pair.client.open_stream(pair.now, format(), options).unwrap();
    pair.push(file);
    pair.advance(seconds(60));
    assert_eq!(told(&pair), []);
}

// SPEC P13.3
#[test]
fn without_a_live_link_nobody_is_called_stalled_and_neither_is_who_was_starved() {
    let (mut pair, stream) = speaking();
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.advance(seconds(30));
    pair.network = Network::Up;
    pair.client.network_changed(pair.now);
    pair.settle();
    assert_eq!(pair.client.state(), LinkState::Live);
    pair.advance(seconds(2));
    assert_eq!(told(&pair), []);
    pair.capture(stream, seconds(1));
    // Starved, whatever for how long: the frames are there, and only their turn has not come.
    for ms in [2_800, 3_000, 3_200, 5_000] {
        pair.now = pair.now + millis(ms);
        pair.client.handle_timeout(pair.now);
        pair.capture(stream, seconds(1));
    }
    assert_eq!(told(&pair), []);
}

// SPEC P13.3
#[test]
fn a_stall_ends_in_the_stream_that_goes_on_after_a_long_outage() {
    let (mut pair, first) = speaking();
    let mut stream = first;
    pair.advance(millis(3_100));
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.speak(&mut stream, seconds(70));
    assert_eq!(told(&pair), [Told::Stalled(1), Told::Recovered(1)]);
    pair.network = Network::Up;
    pair.client.network_changed(pair.now);
    pair.settle();
    pair.advance(seconds(4));
    assert_eq!(told(&pair).last(), Some(&Told::Stalled(1)), "it stopped again");
    pair.speak(&mut stream, seconds(1));
    assert_ne!(stream, first);
    assert_eq!(told(&pair).last(), Some(&Told::Recovered(1)));
}

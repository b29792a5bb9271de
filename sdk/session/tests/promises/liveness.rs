use glasslink_protocol::{Cause, RelayMessage};
use glasslink_session::{ClientConfig, LinkState, RelayConfig, RelayEvent};

use crate::pair::{Network, Pair, seconds};

// SPEC P7.1
#[test]
fn a_link_that_dies_without_a_word_while_streaming_is_left_within_two_seconds() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(5));
    pair.network = Network::BlackHole;
    pair.capture(stream, seconds(2));
    let left =
        pair.states.iter().any(|state| matches!(state, LinkState::Waiting { cause: Cause::Stalled, .. }));
    assert!(left, "{:?}", pair.client.state());
}

// SPEC P7.2
#[test]
fn a_link_that_dies_without_a_word_while_idle_is_left_within_ten_seconds() {
    let (mut pair, _) = Pair::live();
    pair.advance(seconds(60));
    pair.network = Network::BlackHole;
    pair.advance(seconds(10));
    assert!(!pair.client.state().is_live());
}

// SPEC P7.5
#[test]
fn the_relay_waits_for_three_pings_and_at_least_fifteen_seconds() {
    for (ping, lost_after) in [(1, 15), (5, 15), (30, 90)] {
        let config = ClientConfig { ping_interval: seconds(ping), ..ClientConfig::default() };
        let relay = RelayConfig::new(glasslink_protocol::Epoch(1), glasslink_protocol::Durability::Memory);
        let mut pair = Pair::with(config, relay);
        pair.connect();
        let attached_at = pair.now;
        let relay_alone = |pair: &mut Pair, at| {
            pair.now = attached_at + at;
            pair.relay.handle_timeout(pair.now);
            while let Some(action) = pair.relay.poll_action() {
                if let glasslink_session::RelayAction::Event(event) = action {
                    pair.relay_events.push(event);
                }
            }
            pair.relay_events.contains(&RelayEvent::Detached)
        };
        assert!(!relay_alone(&mut pair, seconds(lost_after - 1)), "{ping:?}");
        assert!(relay_alone(&mut pair, seconds(lost_after)), "{ping:?}");
    }
}

// SPEC P7.7
#[test]
fn who_only_listens_says_now_and_then_that_it_is_there() {
    let (mut pair, _) = Pair::live();
    for number in 0..120 {
        pair.tell(&RelayMessage::Pong { id: number });
        pair.advance(seconds(1));
    }
    assert!(!pair.relay_events.contains(&RelayEvent::Detached));
    assert_eq!(pair.hellos.len(), 1);
}

// SPEC P7.7
#[test]
fn a_relay_is_told_when_its_client_pings_less_often() {
    let (mut pair, _) = Pair::live();
    pair.client.set_ping_interval(seconds(30));
    pair.settle();
    pair.advance(seconds(600));
    assert!(!pair.relay_events.contains(&RelayEvent::Detached));
    assert_eq!(pair.hellos.len(), 1);
}

use glasslink_protocol::{Cause, GapCause, RelayMessage};
use glasslink_session::LinkState;

use crate::pair::{Network, Pair, millis, seconds};

const AUTOMATIC: [Cause; 14] = [
    Cause::Dns,
    Cause::ConnectionRefused,
    Cause::Reset,
    Cause::Timeout,
    Cause::Tls,
    Cause::Certificate,
    Cause::Proxy,
    Cause::HttpStatus(500),
    Cause::Overloaded,
    Cause::Restarting,
    Cause::RateLimited,
    Cause::ProtocolError,
    Cause::NetworkDown,
    Cause::Stalled,
];

const TERMINAL: [Cause; 4] =
    [Cause::Unauthorized, Cause::Forbidden, Cause::UnsupportedVersion, Cause::Superseded];

// SPEC P5.1 P12.2
#[test]
fn attempts_go_on_for_a_day_and_every_wait_says_why_and_how_long() {
    for cause in AUTOMATIC {
        let (mut pair, _) = Pair::live();
        pair.cut(Network::Refusing(cause, None));
        pair.advance(seconds(86_400));
        assert!(pair.attempts.len() > 86_400 / 15, "{cause:?}: {} attempts", pair.attempts.len());
        let mut last = 0;
        for state in &pair.states {
            if let LinkState::Waiting { attempt, retry_in, cause: told } = state {
                assert!(*attempt > last && *retry_in <= seconds(15), "{state:?}");
                assert!(*told == cause || (last == 0 && *told == Cause::Reset), "{state:?}");
                last = *attempt;
            }
        }
        pair.network = Network::Up;
        pair.advance(seconds(16));
        assert_eq!(pair.client.state(), LinkState::Live, "{cause:?}");
    }
}

// SPEC P5.2
#[test]
fn a_refusal_is_final_until_somebody_acts_and_says_what_to_do() {
    for cause in TERMINAL {
        let mut pair = Pair::new();
        pair.network = Network::Refusing(cause, None);
        pair.connect();
        pair.advance(seconds(86_400));
        assert_eq!(pair.attempts.len(), 1, "{cause:?}");
        assert_eq!(pair.client.state(), LinkState::Refused { cause, remedy: cause.remedy() });
        pair.network = Network::Up;
        pair.connect();
        assert_eq!(pair.client.state(), LinkState::Live, "{cause:?}");
    }
}

// SPEC P5.3
#[test]
fn new_credentials_resume_the_session_with_what_was_captured_meanwhile() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(1));
    pair.cut(Network::Refusing(Cause::Unauthorized, None));
    pair.capture(stream, seconds(20));
    assert!(matches!(pair.client.state(), LinkState::Refused { .. }));
    pair.network = Network::Up;
    pair.client.credentials_changed(pair.now);
    pair.capture(stream, seconds(10));
    assert_eq!(pair.client.state(), LinkState::Live);
    assert_eq!((pair.relay.epoch().0, pair.client.stats().lost), (1, 0));
    assert!(pair.arrived.len() > 3_050, "{}", pair.arrived.len());
}

// SPEC P5.4
#[test]
fn a_superseded_holder_takes_the_session_back_only_when_told_to() {
    let (mut pair, _) = Pair::live();
    let other = pair.relay.attach(pair.now, &crate::pair::hello(99, 1, true)).unwrap();
    pair.settle();
    assert!(matches!(pair.client.state(), LinkState::Refused { cause: Cause::Superseded, .. }));
    pair.connect();
    assert!(matches!(pair.client.state(), LinkState::Refused { cause: Cause::Superseded, .. }));
    assert!(!pair.hellos.last().unwrap().take);
    pair.client.take_over(pair.now);
    pair.settle();
    assert_eq!(pair.client.state(), LinkState::Live);
    assert_ne!(pair.attachment, Some(other));
}

// SPEC P6.1 P6.3
#[test]
fn only_a_link_that_was_healthy_earns_an_immediate_retry() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(6));
    let cut_at = pair.now;
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    assert_eq!(pair.attempts.last(), Some(&cut_at), "the first retry is immediate");
    pair.advance(seconds(120));
    pair.network = Network::Up;
    while !pair.client.state().is_live() {
        pair.advance(millis(100));
    }

    // Open, but not for long enough: the back-off goes on where it was.
    pair.capture(stream, seconds(4));
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    assert!(matches!(pair.client.state(), LinkState::Waiting { attempt, .. } if attempt > 5));
    pair.network = Network::Up;
    while !pair.client.state().is_live() {
        pair.advance(millis(100));
    }

    // Long enough, and something was acknowledged.
    pair.capture(stream, seconds(6));
    let before = pair.attempts.len();
    pair.cut(Network::Up);
    assert_eq!((pair.attempts.len(), pair.client.state()), (before + 1, LinkState::Live));
}

// SPEC P6.4
#[test]
fn a_relay_that_asks_for_time_gets_it() {
    let mut pair = Pair::new();
    pair.network = Network::Refusing(Cause::Overloaded, Some(seconds(7)));
    pair.connect();
    pair.advance(seconds(6));
    assert_eq!(pair.attempts.len(), 1);
    pair.network = Network::Up;
    pair.advance(seconds(2));
    assert_eq!(pair.client.state(), LinkState::Live);

    let told_at = pair.now;
    pair.tell(&RelayMessage::Restarting { reconnect_in_ms: 3_000, spread_ms: 4_000 });
    pair.cut(Network::Up);
    assert_eq!(pair.attempts.len(), 2);
    pair.advance(seconds(8));
    let came_back_after = pair.attempts[2].since(told_at);
    assert!((seconds(3)..=seconds(7)).contains(&came_back_after), "{came_back_after:?}");
}

// SPEC P6.5 P13.2
#[test]
fn the_network_coming_up_ends_a_wait_but_cannot_cause_a_storm() {
    let (mut pair, _) = Pair::live();
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.advance(seconds(600));
    let before = pair.attempts.len();
    for _ in 0..50 {
        pair.client.network_changed(pair.now);
        pair.settle();
    }
    assert_eq!(pair.attempts.len(), before + 1);
    assert_eq!(pair.attempts.last(), Some(&pair.now), "at once");
    pair.network = Network::Up;
    pair.advance(seconds(1));
    pair.client.network_changed(pair.now);
    pair.settle();
    assert_eq!(pair.client.state(), LinkState::Live);
}

// SPEC P6.5
#[test]
fn an_attempt_that_met_the_network_before_it_came_up_is_followed_by_another_at_once() {
    let (mut pair, _) = Pair::live();
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.advance(seconds(600));
    pair.network = Network::BlackHole;
    let before = pair.attempts.len();
    while pair.attempts.len() == before {
        pair.advance(millis(10));
    }
    pair.network = Network::Up;
    pair.client.network_changed(pair.now);
    pair.settle();
    let connection = pair.connection.unwrap();
    pair.client.closed(pair.now, connection, Cause::ConnectionRefused, None);
    pair.settle();
    assert_eq!((pair.attempts.last(), pair.client.state()), (Some(&pair.now), LinkState::Live));
}

// SPEC P13.1
#[test]
fn frames_refused_three_times_become_a_gap_and_the_rest_goes_on() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(1));
    for refusals in [2, 3] {
        pair.refusals = refusals;
        pair.capture(stream, seconds(1));
        assert_eq!(pair.refusals, 0);
    }
    let refused = pair.refused.clone().unwrap();
    let (told, _) = pair.gaps();
    let told: Vec<_> = told.iter().map(|gap| (gap.from, gap.to, gap.cause)).collect();
    assert_eq!(
        told,
        [(refused.start, refused.end, GapCause::Rejected)],
        "after three refusals, not after two"
    );
    let missing = refused.end - refused.start;
    pair.advance(seconds(1));
    assert!(pair.arrived.iter().all(|(_, index, _)| !refused.contains(index)), "sent again");
    assert_eq!(pair.arrived.len() as u64, 300 - missing);
}

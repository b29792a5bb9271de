use glasslink_protocol::{Cause, RelayMessage};
use glasslink_session::{AttachError, ConnectionId, LinkState};

use crate::pair::{Network, Pair, hello, seconds};

// SPEC P11.1 P12.1: the pair refuses a second connection, and a state that is told twice in a row.
#[test]
fn a_client_that_is_cut_and_nudged_has_one_connection_at_a_time() {
    let (mut pair, stream) = Pair::live();
    for n in 0..40 {
        let network = if n % 4 == 0 { Network::BlackHole } else { Network::Up };
        pair.cut(network);
        pair.capture(stream, seconds(1));
        pair.client.network_changed(pair.now);
        pair.settle();
        pair.advance(seconds(n));
    }
    pair.network = Network::Up;
    pair.advance(seconds(30));
    assert_eq!(pair.client.state(), LinkState::Live);
}

// SPEC P11.2
#[test]
fn nothing_from_an_old_connection_has_any_effect() {
    let (mut pair, stream) = Pair::live();
    pair.capture(stream, seconds(6));
    let (old, old_attachment) = (pair.connection.unwrap(), pair.attachment.unwrap());
    pair.cut(Network::Up);
    let (state, sums) = (pair.client.state(), pair.client.sums(stream));
    let kept = RelayMessage::Kept { stream, next: glasslink_protocol::FrameIndex(1 << 40) };
    for connection in [old, ConnectionId(0), ConnectionId(9_999)] {
        pair.client.text(pair.now, connection, &kept.encode()).unwrap();
        pair.client.text(pair.now, connection, "not a message").unwrap();
        pair.client.opened(pair.now, connection);
        pair.client.closed(pair.now, connection, Cause::Unauthorized, None);
    }
    pair.settle();
    assert_eq!((pair.client.state(), pair.client.sums(stream)), (state, sums));

    let relay_sums: Vec<_> = pair.relay.sums().collect();
    let events = pair.relay_events.len();
    pair.relay.text(pair.now, old_attachment, r#"{"type":"bye"}"#);
    pair.relay.audio(pair.now, old_attachment, &pair.audio[0].clone());
    pair.relay.detach(pair.now, old_attachment);
    pair.settle();
    assert_eq!((pair.relay.sums().collect::<Vec<_>>(), pair.relay_events.len()), (relay_sums, events));
    assert!(pair.relay.attachment().is_some());
}

// SPEC P11.3
#[test]
fn a_connection_that_arrives_late_does_not_replace_a_newer_one() {
    let mut pair = Pair::new();
    let newer = pair.relay.attach(pair.now, &hello(5, 3, true)).unwrap();
    for attach in 1..=3 {
        assert_eq!(pair.relay.attach(pair.now, &hello(5, attach, true)), Err(AttachError::Stale));
    }
    assert_eq!(pair.relay.attach(pair.now, &hello(6, 1, false)), Err(AttachError::Superseded));
    assert!(pair.relay.attachment().is_some());
    let newest = pair.relay.attach(pair.now, &hello(5, 4, false)).unwrap();
    assert_ne!(newest, newer);
}

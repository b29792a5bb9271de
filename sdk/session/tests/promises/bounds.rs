use glasslink_protocol::{AudioMessage, Cause, ClientMessage, CloseCode, FrameIndex, StreamFormat, StreamId};
use glasslink_session::{AttachError, OpenError, RelayAction, RelayEvent, StreamOptions, defaults};

use crate::pair::{Network, Pair, format, hello, seconds, start};

// SPEC P14.1
#[test]
fn the_buffer_holds_ninety_seconds_and_not_more() {
    let mut pair = Pair::new();
    let stream = pair.open();
    pair.network = Network::Refusing(Cause::NetworkDown, None);
    pair.connect();
    pair.capture(stream, seconds(300));
    let stats = pair.client.stats();
    assert!((8_900..=9_001).contains(&stats.buffered), "{stats:?}");
}

// SPEC P14.1
#[test]
fn the_buffer_holds_four_mebibytes_and_not_more() {
    let mut pair = Pair::new();
    let pcm = StreamFormat::pcm(48_000).unwrap();
    let stream = pair.client.open_stream(pair.now, pcm, StreamOptions::default()).unwrap();
    for _ in 0..6_000 {
        pair.client.push(pair.now, stream, &[0; 960]).unwrap();
    }
    pair.settle();
    let stats = pair.client.stats();
    assert!(
        (defaults::BUFFER_BYTES - 960..=defaults::BUFFER_BYTES).contains(&stats.buffered_bytes),
        "{stats:?}"
    );
}

// SPEC P14.3
#[test]
fn a_session_nobody_comes_back_to_ends() {
    let (mut pair, _) = Pair::live();
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.advance(seconds(599));
    assert!(!pair.relay_events.contains(&RelayEvent::Expired));
    pair.advance(seconds(1));
    assert!(pair.relay_events.contains(&RelayEvent::Expired));
    pair.advance(seconds(3_600));
    assert_eq!(pair.relay_events.iter().filter(|event| **event == RelayEvent::Expired).count(), 1);
}

// SPEC P14.5
#[test]
fn a_session_has_sixty_four_open_streams_on_either_end() {
    let mut pair = Pair::new();
    for _ in 0..defaults::MAX_STREAMS {
        pair.open();
    }
    let one_more = pair.client.open_stream(pair.now, format(), StreamOptions::default());
    assert_eq!(one_more, Err(OpenError::TooManyStreams(defaults::MAX_STREAMS)));

    let mut other = Pair::new();
    let mut greedy = hello(1, 1, true);
    greedy.streams = (0..=defaults::MAX_STREAMS as u32).map(|stream| start(stream, 0)).collect();
    assert!(other.relay.attach(other.now, &greedy).is_err());
    let attachment = other.relay.attach(other.now, &hello(1, 1, true)).unwrap();
    for stream in 0..=defaults::MAX_STREAMS as u32 {
        other.relay.text(other.now, attachment, &ClientMessage::Open(start(stream, 0)).encode());
    }
    let actions: Vec<_> = std::iter::from_fn(|| other.relay.poll_action()).collect();
    assert!(actions.contains(&RelayAction::Close { attachment, code: CloseCode::ProtocolError }));
}

// SPEC P14.5
#[test]
fn streams_do_not_pile_up_over_many_connections_or_behind_an_engine_that_never_comes() {
    let mut pair = Pair::new();
    let mut greedy = hello(1, 1, true);
    greedy.streams = (0..defaults::MAX_STREAMS as u32).map(|stream| start(stream, 0)).collect();
    pair.relay.attach(pair.now, &greedy).unwrap();
    greedy.attach = 2;
    greedy.streams = (100..164).map(|stream| start(stream, 0)).collect();
    assert_eq!(pair.relay.attach(pair.now, &greedy), Err(AttachError::TooManyStreams));

    let mut pair = Pair::new();
    let attachment = pair.relay.attach(pair.now, &hello(1, 1, true)).unwrap();
    for stream in 0..1_000 {
        pair.relay.text(pair.now, attachment, &ClientMessage::Open(start(stream, 0)).encode());
        let end = ClientMessage::End { stream: StreamId(stream), at: FrameIndex(5) };
        pair.relay.text(pair.now, attachment, &end.encode());
    }
    assert!(pair.relay.sums().count() <= 256, "{}", pair.relay.sums().count());
}

// SPEC P14.6
#[test]
fn who_ignores_a_limit_is_not_listened_to() {
    let (mut pair, stream) = Pair::live();
    let attachment = pair.attachment.unwrap();
    pair.relay.set_limit(pair.now, stream, Some(FrameIndex(100)));
    let mut send = |first, count: u16| {
        let mut message = Vec::new();
        let body = vec![0; usize::from(count) * 20];
        AudioMessage { stream, first: FrameIndex(first), count, body: &body }.encode(&mut message);
        pair.relay.audio(pair.now, attachment, &message.into());
        std::iter::from_fn(|| pair.relay.poll_action())
            .any(|action| action == RelayAction::Close { attachment, code: CloseCode::ProtocolError })
    };
    assert!(!send(0, 900), "8 s may be under way when the limit comes");
    assert!(send(902, 1));
}

// SPEC P14.6
#[test]
fn what_is_under_way_is_bounded_and_a_limit_is_kept() {
    let config = glasslink_session::ClientConfig { catch_up_rate: None, ..Default::default() };
    let relay = glasslink_session::RelayConfig::new(
        glasslink_protocol::Epoch(1),
        glasslink_protocol::Durability::Memory,
    );
    let mut pair = Pair::with(config, relay);
    let stream = pair.open();
    for _ in 0..6_000 {
        pair.push(stream);
    }
    pair.connect();
    assert_eq!(last_sent(&pair), FrameIndex(800), "8 s, of which nothing is acknowledged");

    let (mut pair, stream) = Pair::live();
    pair.keeping = false;
    pair.relay.set_limit(pair.now, stream, Some(FrameIndex(40)));
    pair.settle();
    pair.capture(stream, seconds(3));
    assert_eq!(last_sent(&pair), FrameIndex(40));
    pair.relay.set_limit(pair.now, stream, None);
    pair.settle();
    pair.capture(stream, seconds(1));
    assert!(last_sent(&pair) > FrameIndex(100));
}

fn last_sent(pair: &Pair) -> FrameIndex {
    AudioMessage::decode(pair.audio.last().unwrap()).unwrap().end()
}

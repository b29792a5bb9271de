//! What a person waits for after an outage, and what is filled in behind.

use std::time::Duration;

use glasslink_protocol::{Cause, FrameIndex, Gap, GapCause, StreamId};
use glasslink_session::{Event, RelayEvent, StreamOptions, Timestamp, WhenFull};

use crate::pair::{FRAME, Network, Pair, format, millis, seconds};

/// The link is down for `lasting`, while capture goes on, and comes back at its end. Says when.
fn outage(pair: &mut Pair, stream: &mut StreamId, lasting: Duration) -> Timestamp {
    pair.cut(Network::Refusing(Cause::NetworkDown, None));
    pair.speak(stream, lasting);
    if pair.relay_events.contains(&RelayEvent::Expired) {
        pair.forget(2);
    }
    pair.network = Network::Up;
    pair.client.network_changed(pair.now);
    pair.settle();
    assert!(pair.client.state().is_live());
    pair.now
}

fn continued(pair: &Pair) -> Vec<(StreamId, FrameIndex, StreamId)> {
    let continued = pair.events.iter().filter_map(|event| match *event {
        Event::Continued { stream, at, by } => Some((stream, at, by)),
        _ => None,
    });
    continued.collect()
}

/// When each frame of `stream` arrived, in order, from `since` on.
fn arrivals(pair: &Pair, stream: StreamId, since: Timestamp) -> Vec<Timestamp> {
    let arrived = pair.arrived.iter().filter(|(id, _, at)| *id == stream && *at >= since);
    let (indices, times): (Vec<_>, Vec<_>) = arrived.map(|(_, index, at)| (index.0, *at)).unzip();
    assert_eq!(indices, (indices[0]..indices[0] + indices.len() as u64).collect::<Vec<_>>());
    times
}

// SPEC P3.4
#[test]
fn a_backlog_of_sixty_seconds_goes_first_and_is_drained_in_twenty() {
    let (mut pair, mut stream) = Pair::live();
    pair.speak(&mut stream, seconds(5));
    let back = outage(&mut pair, &mut stream, seconds(60));
    let sent = pair.client.stats().sent_messages;
    pair.speak(&mut stream, seconds(30));
    let messages = pair.client.stats().sent_messages - sent;
    assert!(messages <= 30 * 20 + 1, "no more of them than when it is live: {messages}");
    assert_eq!(continued(&pair), []);
    let arrivals = arrivals(&pair, stream, Timestamp::ZERO);
    let captured_at = |index: usize| Timestamp::ZERO + FRAME * index as u32;
    let caught_up =
        (6_500..arrivals.len()).find(|index| arrivals[*index].since(captured_at(*index)) <= millis(200));
    let drained = captured_at(caught_up.unwrap()).since(back);
    assert!((seconds(19)..=seconds(20)).contains(&drained), "{drained:?}");
    assert_eq!(pair.client.stats().lost, 0);
}

/// After an outage of `lasting`, with a journal: what is said now arrives at once, and the rest behind it.
fn long_outage(lasting: Duration) -> Pair {
    let (mut pair, first) = Pair::live();
    pair.journal = true;
    let mut stream = first;
    pair.speak(&mut stream, seconds(5));
    let back = outage(&mut pair, &mut stream, lasting);
    pair.speak(&mut stream, lasting / 3);
    pair.client.end_stream(pair.now, stream);
    pair.advance(seconds(2));

    let at = FrameIndex((seconds(5) + lasting).as_millis() as u64 / 10);
    assert_eq!(continued(&pair), [(first, at, stream)], "the stream ends where the link came back");
    let now_said = arrivals(&pair, stream, back);
    assert_eq!(now_said.len() as u128, (lasting / 3).as_millis() / 10);
    let late = now_said.iter().zip(0..).map(|(arrived, index)| arrived.since(back + FRAME * index)).max();
    assert!(late.unwrap() <= millis(100), "what is said now waits for nothing: {late:?}");

    let behind = arrivals(&pair, first, back);
    let pace = behind.windows(401).map(|window| window[400].since(window[0])).min().unwrap();
    assert!(pace >= millis(600), "at most four times real time, but for the first message: {pace:?}");
    let filled = behind.last().unwrap().since(back);
    assert!(filled <= lasting / 4 + seconds(2), "{filled:?}");
    let ended: Vec<_> =
        pair.relay_events.iter().filter(|event| matches!(event, RelayEvent::Ended { .. })).cloned().collect();
    let end = FrameIndex(now_said.len() as u64);
    assert_eq!(ended, [RelayEvent::Ended { stream: first, at }, RelayEvent::Ended { stream, at: end }]);
    assert!(pair.client.is_kept());
    let stats = pair.client.stats();
    assert_eq!((stats.captured, stats.acknowledged, stats.lost), (at.0 + end.0, at.0 + end.0, 0));
    let opened = pair.relay_events.iter().filter_map(|event| match event {
        RelayEvent::Opened(start) => Some((start.stream, start.continues)),
        _ => None,
    });
    assert_eq!(opened.last(), Some((stream, Some(first))));
    pair
}

// SPEC P3.5
#[test]
fn after_nine_minutes_captions_are_live_at_once_and_the_rest_fills_in_behind() {
    let pair = long_outage(seconds(9 * 60));
    assert_eq!(pair.relay.epoch().0, 1, "the session was still there");
    assert_eq!(pair.gaps(), (vec![], vec![]));
}

// SPEC P3.5 P8.3
#[test]
fn after_twelve_minutes_in_a_new_epoch_too() {
    let pair = long_outage(seconds(12 * 60));
    assert_eq!(pair.relay.epoch().0, 2, "the session was gone");
    let (lost, _) = pair.gaps();
    assert_eq!(lost, [], "no frame is");
}

// SPEC P3.5
#[test]
fn without_a_journal_what_is_said_now_goes_first_too() {
    let (mut pair, first) = Pair::live();
    let mut stream = first;
    outage(&mut pair, &mut stream, seconds(120));
    let back = pair.now;
    pair.speak(&mut stream, seconds(40));
    assert_ne!(stream, first);
    assert!(arrivals(&pair, stream, back)[0].since(back) <= millis(100));
    let (told, transcribed) = pair.gaps();
    let frames = |gaps: &[Gap]| gaps.iter().map(Gap::frames).sum::<u64>();
    assert_eq!(frames(&told), frames(&transcribed));
    assert!((3_001..=3_101).contains(&frames(&told)), "what is older than 90 s: {}", frames(&told));
    pair.advance(seconds(2));
    assert_eq!(pair.client.stats().buffered, 0);
}

// SPEC P3.5
#[test]
fn an_outage_while_filling_in_behind_changes_nothing_of_it() {
    let (mut pair, first) = Pair::live();
    pair.journal = true;
    let mut stream = first;
    outage(&mut pair, &mut stream, seconds(300));
    pair.speak(&mut stream, seconds(20));
    let second = stream;
    outage(&mut pair, &mut stream, seconds(10));
    pair.speak(&mut stream, seconds(20));
    assert_eq!(stream, second, "a short outage needs no other stream");
    outage(&mut pair, &mut stream, seconds(100));
    pair.speak(&mut stream, seconds(120));
    let continued: Vec<_> = continued(&pair).into_iter().map(|(stream, _, by)| (stream, by)).collect();
    assert_eq!(continued, [(first, second), (second, stream)]);
    for id in [first, second, stream] {
        arrivals(&pair, id, Timestamp::ZERO);
    }
    pair.advance(seconds(2));
    assert_eq!((pair.client.stats().lost, pair.client.stats().buffered), (0, 0));
    assert_eq!(pair.client.stats().captured, (300 + 20 + 10 + 20 + 100 + 120) * 100);
}

#[test]
fn a_file_stays_one_stream_and_so_does_an_absence() {
    let mut pair = Pair::new();
    pair.journal = true;
    let options = StreamOptions { when_full: WhenFull::Refuse, ..StreamOptions::default() };
    let file = pair.client.open_stream(pair.now, format(), options).unwrap();
    let paused = pair.open();
    for _ in 0..9_000 {
        pair.push(file);
    }
    pair.push(paused);
    pair.client.skip(pair.now, paused, 9_000, GapCause::Absent).unwrap();
    pair.connect();
    for stream in [file, paused] {
        assert_eq!(pair.client.continuation(stream), None);
        assert_eq!(pair.client.continuation(StreamId(99)), None);
    }
}

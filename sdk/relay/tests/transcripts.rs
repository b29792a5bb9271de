//! From frames to finals, over real sockets and a small engine.

mod support;

use std::sync::Arc;
use std::time::Duration;

use glasslink_protocol::{
    ClientMessage, EngineState, EventNumber, Final, FrameIndex, Gap, GapCause, RelayMessage, StreamId,
    StreamStart, TranscriptEvent,
};
use glasslink_relay::Relay;
use support::engine::FakeEngine;
use support::{Client, hello, lc3, stream};
use tokio::time::{Instant, timeout};

const ID: StreamId = StreamId(1);

fn end(at: u64) -> ClientMessage {
    ClientMessage::End { stream: ID, at: FrameIndex(at) }
}

fn is_transcribed(to: u64) -> impl Fn(&RelayMessage) -> bool {
    move |message| matches!(message, RelayMessage::Transcribed { to: at, .. } if at.0 == to)
}

/// What a client was told until everything before `to` was transcribed.
async fn events_until(client: &mut Client, to: u64) -> Vec<(u64, TranscriptEvent)> {
    let messages = client.until_all(is_transcribed(to)).await;
    let events = messages.into_iter().filter_map(|message| match message {
        RelayMessage::Transcript { number, event } => Some((number.0, event)),
        _ => None,
    });
    events.collect()
}

fn spans(events: &[(u64, TranscriptEvent)]) -> Vec<(u64, u64)> {
    let spans = events.iter().filter_map(|(_, event)| match event {
        TranscriptEvent::Final(Final { from, to, .. }) => Some((from.0, to.0)),
        TranscriptEvent::Gap(_) => None,
    });
    spans.collect()
}

#[tokio::test]
async fn finals_carry_the_frames_they_were_spoken_in() {
    let relay = Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    // The stream begins late, and its last second is short.
    client.say(&ClientMessage::Open(stream(1, 1_000))).await;
    for first in (1_000..1_250).step_by(50) {
        client.audio(1, first, 50).await;
    }
    client.say(&end(1_250)).await;
    let events = events_until(&mut client, 1_250).await;
    assert_eq!(spans(&events), [(1_000, 1_100), (1_100, 1_200), (1_200, 1_250)]);
    let TranscriptEvent::Final(first) = &events[0].1 else { unreachable!() };
    let words: Vec<(u64, u64)> = first.words.iter().map(|word| (word.from.0, word.to.0)).collect();
    assert_eq!(words, [(1_000, 1_050), (1_050, 1_100)]);
    assert_eq!(events.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn no_final_reaches_across_a_gap() {
    let relay = Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 50).await;
    let gap = Gap::new(ID, FrameIndex(50), FrameIndex(5_000), GapCause::Absent, &lc3());
    client.say(&ClientMessage::Gap(gap)).await;
    client.audio(1, 5_000, 20).await;
    client.say(&end(5_020)).await;
    let events = events_until(&mut client, 5_020).await;
    assert_eq!(spans(&events), [(0, 50), (5_000, 5_020)]);
    assert!(events.iter().any(|(_, event)| *event == TranscriptEvent::Gap(gap)));
}

#[tokio::test]
async fn without_a_model_audio_is_kept_and_transcribed_once_it_is_there() {
    let engine = FakeEngine::not_installed();
    let relay = Relay::builder().engine(engine.clone()).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    let not_installed = |message: &RelayMessage| {
        matches!(message, RelayMessage::Status { engine: EngineState::NotInstalled, .. })
    };
    let RelayMessage::Status { message, remedy, .. } = client.until(not_installed).await else {
        unreachable!()
    };
    assert_eq!(message, "speech engine not installed");
    assert!(remedy.contains("glasslink-relay model install"), "{remedy}");

    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 200).await;
    client.say(&end(200)).await;
    client.until(|message| matches!(message, RelayMessage::Kept { next: FrameIndex(200), .. })).await;
    engine.install();
    client.until(|message| matches!(message, RelayMessage::Status { engine: EngineState::Ready, .. })).await;
    assert_eq!(spans(&events_until(&mut client, 200).await), [(0, 100), (100, 200)]);
}

#[tokio::test]
async fn without_a_model_what_is_let_go_is_told_and_the_client_is_never_held_back() {
    let relay = Relay::builder().engine(FakeEngine::not_installed()).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    for first in (0..6_500).step_by(100) {
        client.audio(1, first, 100).await;
    }
    let messages = client.until_all(is_transcribed(1_000)).await;
    let limited = |message: &RelayMessage| matches!(message, RelayMessage::Received { limit: Some(_), .. });
    assert!(!messages.iter().any(limited));
    let let_go = Gap::new(ID, FrameIndex(0), FrameIndex(1_000), GapCause::NotTranscribed, &lc3());
    let told = |message: &RelayMessage| matches!(message, RelayMessage::Transcript { event, .. } if *event == TranscriptEvent::Gap(let_go));
    assert!(messages.iter().any(told), "{messages:?}");
}

#[tokio::test]
async fn a_client_that_comes_back_is_told_what_it_missed_and_nothing_twice() {
    let relay = Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap();
    let mut first = Client::plain(&relay.url()).await;
    let RelayMessage::Welcome { epoch, .. } = first.greet(hello(1)).await else { unreachable!() };
    first.say(&ClientMessage::Open(stream(1, 0))).await;
    first.audio(1, 0, 300).await;
    first.until(is_transcribed(300)).await;
    drop(first);

    let mut fields = hello(1);
    (fields.attach, fields.epoch, fields.events_after) = (2, Some(epoch), EventNumber(1));
    fields.streams = vec![stream(1, 0)];
    let mut again = Client::plain(&relay.url()).await;
    again.greet(fields).await;
    again.audio(1, 300, 100).await;
    let events = events_until(&mut again, 400).await;
    assert_eq!(spans(&events), [(100, 200), (200, 300), (300, 400)]);
    assert_eq!(events[0].0, 2);
}

#[tokio::test]
async fn an_engine_that_lags_holds_the_client_back() {
    let engine = Arc::new(FakeEngine::default());
    let relay = Relay::builder().engine(engine.clone()).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.until(|message| matches!(message, RelayMessage::Status { engine: EngineState::Ready, .. })).await;
    engine.shut();
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 100).await;
    let held = client.until(|message| matches!(message, RelayMessage::Received { limit: Some(_), .. })).await;
    let RelayMessage::Received { limit, .. } = held else { unreachable!() };
    assert_eq!(limit, Some(FrameIndex(6_000)), "a minute ahead of the engine");
    engine.open_gate();
    let moved = |message: &RelayMessage| {
        matches!(message, RelayMessage::Received { limit: Some(FrameIndex(6_100)), .. })
    };
    client.until(moved).await;
}

#[tokio::test]
async fn a_relay_that_stops_finishes_what_was_said() {
    let relay = Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 150).await;
    client.until(is_transcribed(100)).await;
    let ((), (messages, code)) = tokio::join!(relay.shutdown(), client.until_closed());
    let said = |message: &RelayMessage| matches!(message, RelayMessage::Transcript { event: TranscriptEvent::Final(last), .. } if last.to == FrameIndex(150));
    assert!(messages.iter().any(said), "{messages:?}");
    assert_eq!(code, Some(1012));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_fails_is_tried_again_and_says_nothing_twice() {
    let engine = Arc::new(FakeEngine::default());
    let relay = Relay::builder().engine(engine.clone()).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    engine.fail_at(24_000);
    client.audio(1, 0, 100).await;
    client.audio(1, 100, 100).await;
    client.say(&end(200)).await;
    let degraded = |message: &RelayMessage| {
        matches!(message, RelayMessage::Status { engine: EngineState::Degraded, .. })
    };
    let mut told = client.until_all(degraded).await;
    engine.fail_at(0);
    told.extend(client.until_all(is_transcribed(200)).await);
    let finals = told.iter().filter_map(|message| match message {
        RelayMessage::Transcript { event: TranscriptEvent::Final(said), .. } => {
            Some((said.from.0, said.to.0))
        }
        _ => None,
    });
    assert_eq!(finals.collect::<Vec<_>>(), [(0, 100), (100, 200)]);
    let ready =
        |message: &RelayMessage| matches!(message, RelayMessage::Status { engine: EngineState::Ready, .. });
    assert!(told.iter().rev().any(ready), "{told:?}");
    assert_eq!(engine.opened(), 2);
}

#[tokio::test(start_paused = true)]
async fn audio_that_an_engine_always_fails_on_is_passed_over() {
    let engine = Arc::new(FakeEngine::default());
    let relay = Relay::builder().engine(engine.clone()).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    // No recognition survives its first half second.
    engine.fail_at(8_000);
    client.audio(1, 0, 60).await;
    client.say(&end(60)).await;
    let events = events_until(&mut client, 60).await;
    let gap = Gap::new(ID, FrameIndex(0), FrameIndex(60), GapCause::NotTranscribed, &lc3());
    assert_eq!(events, [(1, TranscriptEvent::Gap(gap))]);
    assert_eq!(engine.opened(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_given_up_and_the_client_goes_on() {
    let engine = Arc::new(FakeEngine::default());
    let relay = Relay::builder().engine(engine.clone()).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    engine.shut();
    let start = Instant::now();
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    for first in (0..6_000).step_by(500) {
        client.audio(1, first, 500).await;
    }
    let free = |message: &RelayMessage| {
        matches!(message, RelayMessage::Received { next: FrameIndex(6_000), limit: None, .. })
    };
    loop {
        // A client that is silent is given up, too.
        client.say(&ClientMessage::Ping { id: 1 }).await;
        match timeout(Duration::from_secs(5), client.until_all(&free)).await {
            Ok(_) => break,
            Err(_) => assert!(start.elapsed() < Duration::from_mins(1)),
        }
    }
}

#[tokio::test]
async fn two_streams_do_not_mix() {
    let relay = Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.say(&ClientMessage::Open(stream(2, 500))).await;
    client.audio(2, 500, 100).await;
    client.audio(1, 0, 100).await;
    client.say(&ClientMessage::End { stream: StreamId(2), at: FrameIndex(600) }).await;
    client.say(&end(100)).await;
    let mut finals = Vec::new();
    while finals.len() < 2 {
        let next = client.until(|message| matches!(message, RelayMessage::Transcript { .. })).await;
        let RelayMessage::Transcript { event: TranscriptEvent::Final(said), .. } = next else {
            unreachable!()
        };
        finals.push((said.stream.0, said.from.0, said.to.0));
    }
    finals.sort_unstable();
    assert_eq!(finals, [(1, 0, 100), (2, 500, 600)]);
}

#[tokio::test]
async fn a_stream_without_audio_ends() {
    let relay = Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    let gap = Gap::new(ID, FrameIndex(0), FrameIndex(9), GapCause::Absent, &lc3());
    client.say(&ClientMessage::Gap(gap)).await;
    client.say(&end(9)).await;
    client.until(is_transcribed(9)).await;
}

#[tokio::test]
async fn a_relay_without_an_engine_lets_everything_go_and_says_so() {
    let relay = Relay::builder().start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 100).await;
    client.say(&end(100)).await;
    let events = events_until(&mut client, 100).await;
    let gap = Gap::new(ID, FrameIndex(0), FrameIndex(100), GapCause::NotTranscribed, &lc3());
    assert_eq!(events, [(1, TranscriptEvent::Gap(gap))]);
}

// SPEC P3.6
#[tokio::test]
async fn a_stream_that_continues_another_is_transcribed_without_waiting_for_it() {
    let relay = Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 100).await;
    let behind = StreamStart { continues: Some(ID), ..stream(2, 0) };
    client.say(&ClientMessage::Open(behind)).await;
    client.audio(2, 0, 100).await;
    let of = |id: u32, from: u64| {
        move |message: &RelayMessage| {
            matches!(message, RelayMessage::Transcript { event: TranscriptEvent::Final(said), .. }
                if (said.stream, said.from) == (StreamId(id), FrameIndex(from)))
        }
    };
    client.until(of(2, 0)).await;
    client.audio(1, 100, 100).await;
    client.say(&end(200)).await;
    client.until(of(1, 100)).await;
}

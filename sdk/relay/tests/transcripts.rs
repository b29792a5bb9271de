//! From frames to finals, over real sockets and a small engine.

mod support;

use std::sync::Arc;

use glasslink_protocol::{
    ClientMessage, EngineState, EventNumber, Final, FrameIndex, Gap, GapCause, RelayMessage, StreamId,
    TranscriptEvent,
};
use glasslink_relay::Relay;
use support::engine::FakeEngine;
use support::{Client, hello, lc3, stream};

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

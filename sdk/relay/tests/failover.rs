//! Engines that fail, and what becomes of what was said meanwhile. Each test is a failure, by its name.

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use glasslink_asr::EngineError;
use glasslink_protocol::{
    ClientMessage, EngineState, Final, FrameIndex, GapCause, RelayMessage, SpeechTo, StreamId,
    TranscriptEvent,
};
use glasslink_relay::{Relay, RelayHandle};
use support::engine::FakeEngine;
use support::{Client, HelloFields, hello, stream};
use tokio::time::{Instant, timeout};

const ID: StreamId = StreamId(1);

fn gone() -> EngineError {
    EngineError::Unreachable { detail: "connection refused".into() }
}

fn refused() -> EngineError {
    EngineError::Refused {
        detail: "it answers 401".into(),
        remedy: "put a valid key into its key file".into(),
    }
}

fn crash() -> EngineError {
    EngineError::Failed { detail: "the decoder panicked".into() }
}

async fn relay(engines: &[&Arc<FakeEngine>]) -> RelayHandle {
    let builder =
        engines.iter().fold(Relay::builder(), |builder, engine| builder.engine(Arc::clone(engine) as _));
    builder.start().await.unwrap()
}

async fn client(relay: &RelayHandle, fields: HelloFields) -> Client {
    let mut client = Client::plain(&relay.url()).await;
    client.greet(fields).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client
}

fn allowing(session: u128) -> HelloFields {
    HelloFields { remote_speech: true, ..hello(session) }
}

fn end(at: u64) -> ClientMessage {
    ClientMessage::End { stream: ID, at: FrameIndex(at) }
}

fn is_transcribed(to: u64) -> impl Fn(&RelayMessage) -> bool {
    move |message| matches!(message, RelayMessage::Transcribed { to: at, .. } if at.0 == to)
}

fn goes_to(engine: &'static str) -> impl Fn(&RelayMessage) -> bool {
    move |message| matches!(message, RelayMessage::Status { speech_to: Some(SpeechTo { engine: name, .. }), .. } if name == engine)
}

fn is_state(state: EngineState) -> impl Fn(&RelayMessage) -> bool {
    move |message| matches!(message, RelayMessage::Status { engine, .. } if *engine == state)
}

fn spans(messages: &[RelayMessage]) -> Vec<(u64, u64)> {
    let spans = messages.iter().filter_map(|message| match message {
        RelayMessage::Transcript { event: TranscriptEvent::Final(Final { from, to, .. }), .. } => {
            Some((from.0, to.0))
        }
        _ => None,
    });
    spans.collect()
}

/// Pings, so that the relay does not take a client for gone whose clock runs fast, until `wanted` comes.
async fn patiently(client: &mut Client, wanted: impl Fn(&RelayMessage) -> bool) -> Vec<RelayMessage> {
    let mut all = Vec::new();
    let start = Instant::now();
    loop {
        client.say(&ClientMessage::Ping { id: 1 }).await;
        match timeout(Duration::from_secs(4), client.until_all(&wanted)).await {
            Ok(messages) => {
                all.extend(messages);
                return all;
            }
            Err(_) => assert!(start.elapsed() < Duration::from_mins(10), "it never comes"),
        }
    }
}

#[tokio::test]
async fn an_engine_that_crashes_is_followed_by_the_next_and_nothing_is_lost_or_said_twice() {
    let (first, second) = (FakeEngine::called("first"), FakeEngine::called("second"));
    let relay = relay(&[&first, &second]).await;
    let mut client = client(&relay, hello(1)).await;
    client.audio(1, 0, 100).await;
    let mut told = client.until_all(is_transcribed(100)).await;
    assert!(told.iter().any(goes_to("first")), "{told:?}");
    first.fails_with(Some(crash()));
    client.audio(1, 100, 100).await;
    client.audio(1, 200, 50).await;
    client.say(&end(250)).await;
    told.extend(client.until_all(is_transcribed(250)).await);
    assert_eq!(spans(&told), [(0, 100), (100, 200), (200, 250)]);
    assert!(told.iter().any(goes_to("second")), "{told:?}");
}

#[tokio::test]
async fn an_engine_that_refuses_the_credentials_is_followed_by_the_next_and_the_remedy_is_told() {
    let (first, second) = (FakeEngine::called("first"), FakeEngine::called("second"));
    first.loads_with(Some(refused()));
    let relay = relay(&[&first, &second]).await;
    let mut client = client(&relay, hello(1)).await;
    client.audio(1, 0, 100).await;
    let mut told = client.until_all(is_transcribed(100)).await;
    assert_eq!(spans(&told), [(0, 100)]);
    let told_why = |message: &RelayMessage| matches!(message, RelayMessage::Status { engine: EngineState::Ready, remedy, .. } if remedy.contains("key"));
    if !told.iter().any(told_why) {
        told.extend(client.until_all(told_why).await);
    }
    assert_eq!(first.opened(), 0);
}

#[tokio::test]
async fn an_engine_that_times_out_is_followed_by_the_next() {
    let (first, second) = (FakeEngine::called("first"), FakeEngine::called("second"));
    first.fails_with(Some(EngineError::TimedOut { after: Duration::from_secs(20) }));
    let relay = relay(&[&first, &second]).await;
    let mut client = client(&relay, hello(1)).await;
    client.audio(1, 0, 100).await;
    client.say(&end(100)).await;
    let told = client.until_all(is_transcribed(100)).await;
    assert_eq!(spans(&told), [(0, 100)]);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_followed_by_the_next() {
    let (first, second) = (FakeEngine::called("first"), FakeEngine::called("second"));
    first.shut();
    let relay = relay(&[&first, &second]).await;
    let mut client = client(&relay, hello(1)).await;
    for from in (0..6_000).step_by(500) {
        client.audio(1, from, 500).await;
    }
    client.say(&end(6_000)).await;
    let told = patiently(&mut client, is_transcribed(6_000)).await;
    assert_eq!(spans(&told).len(), 60);
    assert!(told.iter().any(goes_to("second")), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn with_all_engines_down_the_client_is_told_stays_connected_and_gets_all_of_it_later() {
    let (first, second) = (FakeEngine::called("first"), FakeEngine::called("second"));
    for engine in [&first, &second] {
        engine.loads_with(Some(gone()));
        engine.fails_with(Some(gone()));
    }
    let folder = tempfile::tempdir().unwrap();
    let builder = Relay::builder().engine(first.clone()).engine(second.clone()).data(folder.path());
    let relay = builder.start().await.unwrap();
    let mut client = client(&relay, hello(1)).await;
    for from in (0..9_000).step_by(500) {
        client.audio(1, from, 500).await;
    }
    client.say(&end(9_000)).await;
    let degraded = |message: &RelayMessage| matches!(message, RelayMessage::Status { engine: EngineState::Degraded, remedy, speech_to: None, .. } if !remedy.is_empty());
    patiently(&mut client, degraded).await;
    // They stay away for a minute and a half; the connection stays.
    let down_until = Instant::now() + Duration::from_secs(90);
    while Instant::now() < down_until {
        let pong = |message: &RelayMessage| matches!(message, RelayMessage::Pong { .. });
        client.say(&ClientMessage::Ping { id: 2 }).await;
        client.until(pong).await;
        tokio::time::advance(Duration::from_secs(3)).await;
    }
    for engine in [&first, &second] {
        engine.loads_with(None);
        engine.fails_with(None);
    }
    let told = patiently(&mut client, is_transcribed(9_000)).await;
    assert_eq!(spans(&told), (0..90).map(|second| (100 * second, 100 * second + 100)).collect::<Vec<_>>());
    let lost = |message: &RelayMessage| matches!(message, RelayMessage::Transcript { event: TranscriptEvent::Gap(gap), .. } if gap.cause == GapCause::NotTranscribed);
    assert!(!told.iter().any(lost), "{told:?}");
}

// SPEC P15.4
#[tokio::test]
async fn speech_never_goes_from_a_local_to_a_remote_engine_unless_its_owner_allowed_it() {
    let (here, there) = (FakeEngine::called("here"), FakeEngine::at("there", "api.example"));
    let relay = relay(&[&here, &there]).await;
    let mut shy = client(&relay, hello(1)).await;
    let mut open = client(&relay, allowing(2)).await;
    for client in [&mut shy, &mut open] {
        client.audio(1, 0, 100).await;
        client.until(is_transcribed(100)).await;
    }
    here.loads_with(Some(gone()));
    here.fails_with(Some(gone()));
    for client in [&mut shy, &mut open] {
        client.audio(1, 100, 100).await;
        client.say(&end(200)).await;
    }
    let told = open.until_all(is_transcribed(200)).await;
    assert_eq!(spans(&told), [(100, 200)]);
    let there_now = Some(SpeechTo { engine: "there".into(), host: Some("api.example".into()) });
    let says_so = |message: &RelayMessage| matches!(message, RelayMessage::Status { speech_to, .. } if *speech_to == there_now);
    assert!(told.iter().any(says_so), "{told:?}");
    let told = shy.until_all(is_state(EngineState::Degraded)).await;
    assert!(spans(&told).is_empty(), "{told:?}");
    assert_eq!(there.opened(), 1, "one of the two");
    here.loads_with(None);
    here.fails_with(None);
    assert_eq!(spans(&patiently(&mut shy, is_transcribed(200)).await), [(100, 200)]);
    assert_eq!(there.opened(), 1);
}

// SPEC P15.4
#[tokio::test]
async fn a_relay_that_transcribes_elsewhere_says_so_and_sends_nothing_unasked() {
    let there = FakeEngine::at("there", "api.example");
    let relay = relay(&[&there]).await;
    let mut shy = client(&relay, hello(1)).await;
    let told = shy.until(is_state(EngineState::Disabled)).await;
    let RelayMessage::Status { message, remedy, .. } = told else { unreachable!() };
    assert!(message.contains("api.example"), "{message}");
    assert!(remedy.contains("remote_speech"), "{remedy}");
    shy.audio(1, 0, 100).await;
    shy.say(&end(100)).await;
    assert!(spans(&shy.until_all(is_transcribed(100)).await).is_empty());
    assert_eq!(there.opened(), 0);
}

// SPEC P15.4
#[tokio::test]
async fn the_operator_may_keep_all_speech_here_whatever_owners_allow() {
    let (here, there) = (FakeEngine::called("here"), FakeEngine::at("there", "api.example"));
    here.loads_with(Some(gone()));
    let builder = Relay::builder().engine(here.clone()).engine(there.clone()).remote_speech(false);
    let relay = builder.start().await.unwrap();
    let mut client = client(&relay, allowing(1)).await;
    client.audio(1, 0, 100).await;
    client.until(is_state(EngineState::Degraded)).await;
    here.loads_with(None);
    patiently(&mut client, is_transcribed(100)).await;
    assert_eq!(there.opened(), 0);
}

// SPEC P15.4
#[tokio::test]
async fn leave_that_is_taken_back_is_taken_back_at_once() {
    let there = FakeEngine::at("there", "api.example");
    let relay = relay(&[&there]).await;
    let mut first = client(&relay, allowing(1)).await;
    first.audio(1, 0, 100).await;
    first.until(is_transcribed(100)).await;
    let mut again = Client::plain(&relay.url()).await;
    let mut fields = hello(1);
    (fields.attach, fields.streams) = (2, vec![stream(1, 100)]);
    again.greet(fields).await;
    again.until(is_state(EngineState::Disabled)).await;
    let heard = there.heard();
    again.audio(1, 100, 100).await;
    again.say(&end(200)).await;
    again.until(is_transcribed(200)).await;
    assert_eq!(there.heard(), heard);
}

#[tokio::test(start_paused = true)]
async fn a_better_engine_that_works_again_is_gone_back_to() {
    let (first, second) = (FakeEngine::called("first"), FakeEngine::called("second"));
    first.loads_with(Some(gone()));
    let relay = relay(&[&first, &second]).await;
    let mut client = client(&relay, hello(1)).await;
    client.audio(1, 0, 100).await;
    let mut told = client.until_all(is_transcribed(100)).await;
    assert!(told.iter().any(goes_to("second")), "{told:?}");
    first.loads_with(None);
    let mut at = 100;
    while !told.iter().any(goes_to("first")) {
        assert!(at < 60_000, "it never goes back");
        client.audio(1, at, 100).await;
        at += 100;
        told.extend(client.until_all(is_transcribed(at)).await);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    client.audio(1, at, 100).await;
    client.say(&end(at + 100)).await;
    told.extend(client.until_all(is_transcribed(at + 100)).await);
    let expected: Vec<_> = (0..=at / 100).map(|second| (100 * second, 100 * second + 100)).collect();
    assert_eq!(spans(&told), expected, "and nothing is lost or said twice on the way");
}

#[tokio::test(start_paused = true)]
async fn a_failing_engine_is_tried_by_one_stream_at_a_time() {
    let engine = FakeEngine::called("only");
    let relay = relay(&[&engine]).await;
    let mut clients = Vec::new();
    for session in 1..=20 {
        let mut client = client(&relay, hello(session)).await;
        client.audio(1, 0, 100).await;
        client.until(is_transcribed(100)).await;
        clients.push(client);
    }
    engine.fails_with(Some(gone()));
    for client in &mut clients {
        client.audio(1, 100, 100).await;
        client.say(&end(200)).await;
    }
    // All of them at once: who waits for another says nothing meanwhile, and is taken for gone.
    join_all(clients.iter_mut().map(|client| patiently(client, is_state(EngineState::Degraded)))).await;
    let before = engine.opened();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        for client in &mut clients {
            client.say(&ClientMessage::Ping { id: 2 }).await;
        }
    }
    let tries = engine.opened() - before;
    assert!((1..=8).contains(&tries), "{tries} trials of 20 streams in 10 s");
    engine.fails_with(None);
    for told in join_all(clients.iter_mut().map(|client| patiently(client, is_transcribed(200)))).await {
        assert_eq!(spans(&told), [(100, 200)]);
    }
}

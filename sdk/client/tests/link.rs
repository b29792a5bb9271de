//! The link over real sockets.

mod common;

use std::time::Duration;

use common::{Script, ScriptedRelay, assert_whole, event, frame, soon, state};
use glasslink::audio::{Pace, SampleSource};
use glasslink::{
    ClientConfig, EngineState, Event, FinishError, GapCause, Link, LinkState, PushError, SessionId,
    StreamFormat, StreamOptions, WhenFull,
};

fn lc3() -> StreamFormat {
    StreamFormat::lc3(16_000, 20).unwrap()
}

#[tokio::test]
async fn what_is_pushed_is_kept_and_comes_back_as_text() {
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, _events) = Link::builder(relay.url()).connect().unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    for number in 0..500 {
        stream.push(&frame(number)).unwrap();
    }
    soon("the end", link.finish()).await.unwrap();
    assert_eq!(link.transcript().text(), "500 frames");
    let stats = link.stats();
    assert_eq!((stats.captured, stats.acknowledged, stats.buffered, stats.lost), (500, 500, 0, 0));
    let heard = relay.heard(stream.id());
    assert_whole(&heard, 500);
    assert!(heard.clocks >= 1, "the start is tied to the clocks");
}

#[tokio::test]
async fn audio_pushed_before_the_relay_is_there_is_not_lost() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (link, mut events) = Link::builder(format!("http://{address}")).connect().unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    for number in 0..100 {
        stream.push(&frame(number)).unwrap();
    }
    state(&mut events, "a refused attempt", |state| match state {
        LinkState::Waiting { cause: glasslink::Cause::ConnectionRefused, .. } => Some(()),
        _ => None,
    })
    .await;
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let relay = ScriptedRelay::on(listener, Script::default(), |tcp| async { Some(tcp) });
    soon("the end", link.finish()).await.unwrap();
    assert_whole(&relay.heard(stream.id()), 100);
}

#[tokio::test]
async fn streams_lie_on_the_timeline_where_the_clocks_say() {
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, _events) = Link::builder(relay.url()).connect().unwrap();
    let first = link.open(lc3(), StreamOptions::default()).unwrap();
    let second = link.open(lc3(), StreamOptions::default()).unwrap();
    let start = std::time::Instant::now();
    first.push_captured(&frame(0), start).unwrap();
    second.push_captured(&frame(0), start + Duration::from_secs(3)).unwrap();
    soon("the end", link.finish()).await.unwrap();
    let starts: Vec<_> =
        link.transcript().entries().iter().map(glasslink::transcript::Entry::start).collect();
    assert_eq!(starts, [Duration::ZERO, Duration::from_secs(3)]);
}

// SPEC P2.1 P2.2
#[tokio::test]
async fn connections_killed_in_mid_stream_lose_nothing() {
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, mut events) = Link::builder(relay.url()).connect().unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    state(&mut events, "the link", |state| state.is_live().then_some(())).await;
    let mut pushed = 0;
    for round in 1..=5 {
        for _ in 0..200 {
            stream.push(&frame(pushed)).unwrap();
            pushed += 1;
        }
        // Some of it is there, most is on its way.
        relay.until_heard(stream.id(), pushed as usize - 150).await;
        relay.cut();
        state(&mut events, "the loss", |state| (!state.is_live()).then_some(())).await;
        state(&mut events, "the return", |state| state.is_live().then_some(())).await;
        assert_eq!(link.stats().reconnects, round);
    }
    soon("the end", link.finish()).await.unwrap();
    assert_whole(&relay.heard(stream.id()), pushed);
    let stats = link.stats();
    assert_eq!((stats.captured, stats.acknowledged, stats.lost), (pushed, pushed, 0));
}

#[tokio::test]
async fn a_gap_reaches_the_relay_and_the_transcript() {
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, mut events) = Link::builder(relay.url()).connect().unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    stream.push(&frame(0)).unwrap();
    stream.skip(9, GapCause::Radio).unwrap();
    stream.push(&frame(10)).unwrap();
    event(&mut events, "the gap told by the relay", |event| match event {
        Event::Transcript { event: glasslink::TranscriptEvent::Gap(gap), .. } => Some(*gap),
        _ => None,
    })
    .await;
    soon("the end", link.finish()).await.unwrap();
    let gaps = link.transcript().entries().iter().filter(|entry| entry.text().is_none()).count();
    assert_eq!(gaps, 1);
    assert_eq!(link.stats().lost, 9);
}

#[tokio::test]
async fn a_file_waits_while_the_buffer_is_full() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = ClientConfig { buffer_bytes: 32_000, ..ClientConfig::default() };
    let (link, _events) = Link::builder(format!("ws://{address}")).config(config).connect().unwrap();
    let file = SampleSource::new(vec![7; 160 * 400], 16_000, Pace::UNPACED).unwrap();
    let options = StreamOptions { when_full: WhenFull::Refuse, ..StreamOptions::default() };
    let mut stats = link.watch_stats();
    let source = link.attach(file, options).unwrap();
    soon("a full buffer", stats.wait_for(|stats| stats.captured == 100)).await.unwrap();

    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let relay = ScriptedRelay::on(listener, Script::default(), |tcp| async { Some(tcp) });
    let stream = source.stream();
    soon("the file's end", source.ended()).await.unwrap();
    soon("the end", link.finish()).await.unwrap();
    assert_eq!(relay.heard(stream).frames.len(), 400);
    assert_eq!((link.stats().captured, link.stats().lost), (400, 0));
}

#[tokio::test]
async fn finishing_without_an_engine_says_so_once_everything_is_kept() {
    let relay = ScriptedRelay::start(Script { engine: EngineState::NotInstalled, ..Script::default() }).await;
    let (link, _events) = Link::builder(relay.url()).connect().unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    for number in 0..50 {
        stream.push(&frame(number)).unwrap();
    }
    let error = soon("the end", link.finish()).await.unwrap_err();
    let FinishError::NoEngine(engine) = error else { panic!("{error}") };
    assert_eq!(engine.state, EngineState::NotInstalled);
    assert_eq!(link.stats().acknowledged, 50);
}

#[tokio::test]
async fn closing_says_goodbye_and_ends_everything() {
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, mut events) = Link::builder(relay.url()).connect().unwrap();
    link.wait_live(Some(common::SOON)).await.unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    soon("the close", link.close()).await;
    relay.until("the goodbye", |relay| relay.goodbyes() == 1).await;
    assert_eq!(link.state(), LinkState::Closed);
    assert_eq!(stream.push(&frame(0)), Err(PushError::Closed));
    assert!(link.open(lc3(), StreamOptions::default()).is_err());
    assert_eq!(link.finish().await, Err(FinishError::Closed));
    soon("the end of the events", async { while events.next().await.is_some() {} }).await;
}

// SPEC P14.7
#[test]
fn dropping_a_link_leaves_no_task_and_no_socket() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let relay = ScriptedRelay::start(Script::default()).await;
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let before = tasks();
        let (link, mut events) = Link::builder(relay.url()).connect().unwrap();
        let endless = SampleSource::new(vec![0; 16_000 * 60], 16_000, Pace::REAL_TIME).unwrap();
        let source = link.attach(endless, StreamOptions::default()).unwrap();
        link.wait_live(Some(common::SOON)).await.unwrap();
        assert_eq!((relay.open_connections(), relay.goodbyes()), (1, 0));
        drop(link);
        soon("the end of the events", async { while events.next().await.is_some() {} }).await;
        assert!(soon("the source's end", source.ended()).await.is_err());
        soon("the end of every task", async {
            while tasks() > before || relay.open_connections() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    });
}

#[tokio::test]
async fn a_session_taken_by_another_program_is_taken_back_on_an_explicit_call_only() {
    let relay = ScriptedRelay::start(Script::default()).await;
    let link = || Link::builder(relay.url()).session(SessionId(7)).connect().unwrap();
    let (first, mut first_events) = link();
    first.wait_live(Some(common::SOON)).await.unwrap();
    let (second, mut second_events) = link();
    let refused = |state| match state {
        LinkState::Refused { cause, .. } => Some(cause),
        _ => None,
    };
    let cause = state(&mut first_events, "the loss of the session", refused).await;
    assert_eq!(cause, glasslink::Cause::Superseded);
    second.wait_live(Some(common::SOON)).await.unwrap();
    first.take_over();
    state(&mut first_events, "the return", |state| state.is_live().then_some(())).await;
    let cause = state(&mut second_events, "the loss of the session", refused).await;
    assert_eq!(cause, glasslink::Cause::Superseded);
}

// SPEC P12.3
#[tokio::test]
async fn figures_come_at_most_four_times_a_second() {
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, _events) = Link::builder(relay.url()).connect().unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    let mut stats = link.watch_stats();
    let (started, mut samples) = (std::time::Instant::now(), 0u32);
    for number in 0.. {
        stream.push(&frame(number)).unwrap();
        if stats.has_changed().unwrap() {
            stats.mark_unchanged();
            samples += 1;
        }
        if samples == 4 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(started.elapsed() >= Duration::from_millis(700), "{:?}", started.elapsed());
}

// SPEC P3.5
#[tokio::test]
async fn whoever_pushes_goes_on_pushing_after_a_long_outage_and_captions_are_live_at_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let config = ClientConfig { longest_backlog: Duration::from_secs(2), ..ClientConfig::default() };
    let (link, _events) = Link::builder(url).config(config).connect().unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    let first = stream.id();
    for number in 0..500 {
        stream.push(&frame(number)).unwrap();
    }
    let relay = ScriptedRelay::on(listener, Script::default(), |tcp| async { Some(tcp) });
    link.wait_live(Some(common::SOON)).await.unwrap();
    for number in 0..100 {
        assert_eq!(stream.push(&frame(number)).unwrap().0, number);
    }
    let second = stream.id();
    assert_ne!(second, first);
    relay.until_heard(second, 50).await;
    assert!(relay.heard(first).frames.len() < 250, "what is said now goes first");
    drop(stream);
    soon("the end", link.finish()).await.unwrap();
    assert_whole(&relay.heard(first), 500);
    assert_whole(&relay.heard(second), 100);
    assert_eq!((link.stats().captured, link.stats().acknowledged), (600, 600));
    assert!(relay.heard(second).clocks > 0, "it is tied to the clocks");
    let transcript = link.transcript();
    assert_eq!(transcript.text(), "500 frames 100 frames");
    let starts: Vec<_> = transcript.entries().iter().map(glasslink::transcript::Entry::start).collect();
    assert_eq!(starts, [Duration::ZERO, Duration::from_secs(5)]);
}

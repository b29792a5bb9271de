//! Apps listen to sessions, and nobody notices but they.

mod support;

use std::sync::Arc;
use std::time::Duration;

use glasslink_audio::FrameDecoder;
use glasslink_protocol::{
    AppAudio, AppEvent, AppMessage, ClientMessage, ClosedReason, Epoch, EventNumber, FrameIndex, Gap,
    GapCause, RelayMessage, SessionId, StreamFormat, StreamId, StreamStart, SubscriptionId, Wanted,
};
use glasslink_relay::{Relay, RelayHandle};
use support::app::{App, Heard, app_request, is_ended, ranges};
use support::engine::FakeEngine;
use support::{Client, hello, lc3, request, stream};
use tokio_tungstenite::tungstenite::{Error, Message};

const ONE: SubscriptionId = SubscriptionId(1);
const STREAM: StreamId = StreamId(1);

fn end(at: u64) -> ClientMessage {
    ClientMessage::End { stream: STREAM, at: FrameIndex(at) }
}

fn gap(from: u64, to: u64) -> Gap {
    Gap::new(STREAM, FrameIndex(from), FrameIndex(to), GapCause::Radio, &lc3())
}

/// A relay, and a client with a session.
async fn live(session: u128) -> (RelayHandle, Client) {
    let relay = Relay::builder().start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(session)).await;
    (relay, client)
}

/// A word each frame, so that one is told from another.
fn body(first: u64, count: u64) -> Vec<u8> {
    (first..first + count).flat_map(|frame| [frame as u8; 20]).collect()
}

fn is_frames_to(to: u64) -> impl Fn(&Heard) -> bool {
    move |heard| matches!(heard, Heard::Audio { first, count, .. } if first + u64::from(*count) == to)
}

// SPEC P20.1
#[tokio::test]
async fn an_app_gets_the_frames_as_they_came_with_starts_gaps_and_ends() {
    let (relay, mut client) = live(1).await;
    let mut early = App::plain(&relay.url()).await;
    let subscribed = early.subscribe(1, 1, Wanted::Raw).await;
    assert!(matches!(subscribed, AppEvent::Subscribed { subscription: ONE, events_from: None, .. }));
    client.say(&ClientMessage::Open(stream(1, 40))).await;
    client.frames(1, 40, 5, &body(40, 5)).await;
    // Who comes later hears what is said from then on.
    early.until(is_frames_to(45)).await;
    let mut late = App::plain(&relay.url()).await;
    late.subscribe(9, 1, Wanted::Raw).await;
    // Twice: apps get it once.
    client.frames(1, 40, 5, &body(40, 5)).await;
    client.frames(1, 43, 7, &body(43, 7)).await;
    client.say(&ClientMessage::Gap(gap(50, 60))).await;
    client.frames(1, 60, 5, &body(60, 5)).await;
    client.say(&end(65)).await;

    let heard = early.until(is_ended).await;
    assert_eq!(ranges(&heard), [("audio", 45, 50), ("gap", 50, 60), ("audio", 60, 65)]);
    let Heard::Audio { subscription: ONE, stream: STREAM, body: heard, .. } = &heard[0] else {
        panic!("{heard:?}")
    };
    assert_eq!(*heard, body(45, 5));

    let heard = late.until(is_ended).await;
    let Heard::Event(AppEvent::Stream { subscription, stream, format, from, label, .. }) = &heard[0] else {
        panic!("{heard:?}")
    };
    assert_eq!((*subscription, *stream, *format, *from), (SubscriptionId(9), STREAM, lc3(), FrameIndex(45)));
    assert_eq!(label, "test");
    assert_eq!(ranges(&heard), [("audio", 45, 50), ("gap", 50, 60), ("audio", 60, 65)]);
}

// SPEC P20.2
#[tokio::test]
async fn any_number_of_apps_take_nothing_from_the_client_and_add_nothing_to_its_session() {
    let (relay, mut client) = live(1).await;
    let mut apps = Vec::new();
    for _ in 0..20 {
        let mut app = App::plain(&relay.url()).await;
        app.subscribe(1, 1, Wanted::Raw).await;
        // What only a client may say.
        for message in [end(0), ClientMessage::Bye, ClientMessage::Open(stream(7, 0))] {
            app.socket_say(Message::text(message.encode())).await;
        }
        apps.push(app);
    }
    let mut intruder = App::plain(&relay.url()).await;
    intruder.subscribe(1, 1, Wanted::Raw).await;
    intruder.socket_say(Message::binary(vec![1; 36])).await;
    assert_eq!(intruder.closed().await, Some(4400));

    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.frames(1, 0, 5, &body(0, 5)).await;
    client.until(|message| matches!(message, RelayMessage::Kept { next: FrameIndex(5), .. })).await;
    for app in &mut apps {
        let heard = app.until(is_frames_to(5)).await;
        assert!(
            heard
                .iter()
                .all(|heard| !matches!(heard, Heard::Event(AppEvent::Stream { stream: StreamId(7), .. })))
        );
    }
    assert_eq!(relay.sessions(), 1);
}

// SPEC P20.3
#[tokio::test]
async fn samples_are_what_a_decoder_makes_of_the_frames() {
    let (relay, mut client) = live(1).await;
    let (mut first, mut second) = (App::plain(&relay.url()).await, App::plain(&relay.url()).await);
    first.subscribe(1, 1, Wanted::Pcm).await;
    second.subscribe(1, 1, Wanted::Pcm).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    let mut decoder = FrameDecoder::new(lc3()).unwrap();
    let mut expected = Vec::new();
    for start in (0..100_u64).step_by(5) {
        let body = body(start, 5);
        client.frames(1, start, 5, &body).await;
        for frame in body.chunks(20) {
            let _ = decoder.decode(Some(frame), &mut expected);
        }
    }
    client.say(&ClientMessage::Gap(gap(100, 110))).await;
    client.frames(1, 110, 5, &body(110, 5)).await;
    client.say(&end(115)).await;
    for app in [&mut first, &mut second] {
        let heard = app.until(is_ended).await;
        let Heard::Event(AppEvent::Stream { format, .. }) = &heard[0] else { panic!("{heard:?}") };
        assert_eq!(*format, AppAudio::pcm_format());
        let ranges = ranges(&heard);
        assert!(ranges.contains(&("gap", 100, 110)), "{ranges:?}");
        assert_eq!(ranges.last(), Some(&("audio", 110, 115)));
        let samples = heard.iter().flat_map(|heard| match heard {
            Heard::Audio { body, .. } => body.as_slice(),
            Heard::Event(_) => &[],
        });
        let samples: Vec<u8> = samples.copied().collect();
        let expected: Vec<u8> = expected.iter().flat_map(|sample: &i16| sample.to_le_bytes()).collect();
        assert_eq!(samples[..expected.len()], expected);
        assert_eq!(samples.len(), (100 + 5) * 320);
    }
}

// SPEC P20.4
#[tokio::test]
async fn a_transcript_is_told_since_a_number_and_partials_are_live() {
    let relay = Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    let RelayMessage::Welcome { epoch, .. } = client.greet(hello(1)).await else { unreachable!() };
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    for first in (0..250).step_by(50) {
        client.audio(1, first, 50).await;
    }
    client.say(&ClientMessage::Gap(gap(250, 300))).await;
    client.until(|message| matches!(message, RelayMessage::Transcribed { to: FrameIndex(250..), .. })).await;

    let numbers = |heard: &[Heard]| -> Vec<u64> {
        let number = |heard: &Heard| match heard {
            Heard::Event(AppEvent::Transcript { number, .. }) => Some(number.0),
            _ => None,
        };
        heard.iter().filter_map(number).collect()
    };
    let mut app = App::plain(&relay.url()).await;
    let answer = app.subscribe(1, 1, Wanted::Transcript).await;
    assert!(matches!(answer, AppEvent::Subscribed { events_from: Some(EventNumber(1)), .. }), "{answer:?}");
    let is = |wanted: u64| move |heard: &Heard| matches!(heard, Heard::Event(AppEvent::Transcript { number, .. }) if number.0 == wanted);
    assert_eq!(numbers(&app.until(is(4)).await), [1, 2, 3, 4]);

    let mut since = App::plain(&relay.url()).await;
    let subscribe = |epoch| AppMessage::Subscribe {
        subscription: ONE,
        session: SessionId(1),
        want: Wanted::Transcript,
        epoch,
        since: EventNumber(2),
    };
    since.say(&subscribe(Some(epoch))).await;
    assert_eq!(numbers(&since.until(is(4)).await), [3, 4]);
    let mut elsewhere = App::plain(&relay.url()).await;
    elsewhere.say(&subscribe(Some(Epoch(epoch.0 - 1)))).await;
    assert_eq!(numbers(&elsewhere.until(is(4)).await), [1, 2, 3, 4], "a number is one of its epoch's");

    for first in (300..400).step_by(50) {
        client.audio(1, first, 50).await;
    }
    for app in [&mut app, &mut since, &mut elsewhere] {
        let heard = app.until(is(5)).await;
        let is_partial = |heard: &Heard| matches!(heard, Heard::Event(AppEvent::Partial { .. }));
        assert!(heard.iter().any(is_partial), "{heard:?}");
        assert_eq!(numbers(&heard), [5]);
    }
}

// SPEC P20.5
#[tokio::test]
async fn an_app_sees_the_sessions_of_its_identity_and_no_others() {
    let relay = Relay::builder().token("owner").named_token("a", "key-a").named_token("b", "key-b");
    let relay = relay.start().await.unwrap();
    for (session, token) in [(3, "key-a"), (1, "key-a"), (2, "key-b")] {
        let mut client = Client::connect(request(&relay.url(), Some(token))).await.unwrap();
        client.greet(hello(session)).await;
    }
    let app = async |key: &str| {
        App::connect(app_request(&relay.url(), &format!("glasslink.v1, glasslink.key.{key}"))).await
    };
    let mut of_a = app("key-a").await.unwrap();
    of_a.say(&AppMessage::Sessions { after: None }).await;
    let sessions = vec![SessionId(1), SessionId(3)];
    assert_eq!(of_a.event().await, AppEvent::Sessions { sessions, more: false });
    of_a.say(&AppMessage::Sessions { after: Some(SessionId(1)) }).await;
    assert_eq!(of_a.event().await, AppEvent::Sessions { sessions: vec![SessionId(3)], more: false });
    assert!(matches!(of_a.subscribe(1, 3, Wanted::Raw).await, AppEvent::Subscribed { .. }));
    for session in [2, 77] {
        let answer = of_a.subscribe(2, session, Wanted::Raw).await;
        assert!(matches!(answer, AppEvent::Closed { reason: ClosedReason::NotFound, .. }), "{answer:?}");
    }
    let mut owner = app("owner").await.unwrap();
    owner.say(&AppMessage::Sessions { after: None }).await;
    let sessions = vec![SessionId(1), SessionId(2), SessionId(3)];
    assert_eq!(owner.event().await, AppEvent::Sessions { sessions, more: false });

    for wrong in ["glasslink.v1", "glasslink.v1, glasslink.key.nope"] {
        let refused = App::connect(app_request(&relay.url(), wrong)).await;
        let Err(Error::Http(refused)) = refused.map(|_| ()) else { panic!("it was let in") };
        assert_eq!(refused.status(), 401);
    }
    let mut page = app_request(&relay.url(), "glasslink.v1, glasslink.key.owner");
    page.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    let Err(Error::Http(refused)) = App::connect(page).await.map(|_| ()) else { panic!("it was let in") };
    assert_eq!(refused.status(), 403);
    let answer = app("key-a").await.unwrap().socket.close(None).await;
    assert!(answer.is_ok());
}

// SPEC P20.6
#[tokio::test]
async fn a_subscription_ends_when_it_is_ended_or_its_session_is_over() {
    let (relay, mut client) = live(1).await;
    let mut app = App::plain(&relay.url()).await;
    app.subscribe(1, 1, Wanted::Raw).await;
    app.subscribe(2, 1, Wanted::Pcm).await;
    app.subscribe(3, 1, Wanted::Transcript).await;
    let again = app.subscribe(1, 1, Wanted::Raw).await;
    assert!(matches!(again, AppEvent::Closed { reason: ClosedReason::Refused, .. }), "{again:?}");
    let closed =
        |subscription, reason| AppEvent::Closed { subscription: SubscriptionId(subscription), reason };
    app.say(&AppMessage::Unsubscribe { subscription: ONE }).await;
    assert_eq!(app.event().await, closed(1, ClosedReason::Unsubscribed));
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 5).await;
    let heard = app.until(is_frames_to(5)).await;
    let only = |heard: &Heard| match heard {
        Heard::Audio { subscription, .. } | Heard::Event(AppEvent::Stream { subscription, .. }) => {
            *subscription
        }
        other @ Heard::Event(_) => panic!("{other:?}"),
    };
    assert!(heard.iter().all(|heard| only(heard) == SubscriptionId(2)), "{heard:?}");
    client.say(&ClientMessage::Bye).await;
    let mut over = [app.event().await, app.event().await];
    over.sort_by_key(|event| format!("{event:?}"));
    assert_eq!(over, [closed(2, ClosedReason::SessionOver), closed(3, ClosedReason::SessionOver)]);
    // The number is free again.
    Client::plain(&relay.url()).await.greet(hello(2)).await;
    assert!(matches!(app.subscribe(2, 2, Wanted::Raw).await, AppEvent::Subscribed { .. }));
}

// SPEC P20.6
#[tokio::test]
async fn a_relay_that_stops_and_a_key_that_expires_close_the_connection() {
    let relay =
        Relay::builder().expiring_token("a", "key", Duration::from_millis(200)).start().await.unwrap();
    let request = |url: &str| app_request(url, "glasslink.v1, glasslink.key.key");
    let mut app = App::connect(request(&relay.url())).await.unwrap();
    assert_eq!(app.closed().await, Some(4401));
    let (relay, _client) = live(1).await;
    let mut app = App::plain(&relay.url()).await;
    app.subscribe(1, 1, Wanted::Raw).await;
    let ((), code) = tokio::join!(relay.shutdown(), app.closed());
    assert_eq!(code, Some(1012));
}

// SPEC P16.2
#[tokio::test(start_paused = true)]
async fn an_app_that_takes_nothing_for_a_minute_slows_nobody_and_is_told_what_it_missed() {
    // Messages of 100 ms at 48 kHz: ten a second, 9,600 bytes each.
    const FRAMES: u64 = 10;
    let format = StreamFormat::pcm(48_000).unwrap();
    let (relay, mut client) = live(1).await;
    let mut stalled = App::narrow(&relay.url(), relay.local_addr()).await;
    let mut samples = App::narrow(&relay.url(), relay.local_addr()).await;
    let mut healthy = App::plain(&relay.url()).await;
    stalled.subscribe(1, 1, Wanted::Raw).await;
    samples.subscribe(1, 1, Wanted::Pcm).await;
    healthy.subscribe(1, 1, Wanted::Raw).await;
    client.say(&ClientMessage::Open(StreamStart { format, ..stream(1, 0) })).await;
    let frame_bytes = format.frame_bytes().unwrap() as usize;
    let body = vec![1; frame_bytes * FRAMES as usize];
    let mut at = 0;
    for _ in 0..60 {
        for _ in 0..10 {
            client.frames(1, at, FRAMES as u16, &body).await;
            at += FRAMES;
        }
        // Both hear of it before the next second begins.
        healthy.until(is_frames_to(at)).await;
        client.until(|message| matches!(message, RelayMessage::Received { next, .. } if next.0 == at)).await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    // Windows open in the system's time.
    tokio::time::resume();
    client.say(&end(at)).await;
    healthy.until(is_ended).await;
    for app in [&mut stalled, &mut samples] {
        let heard = app.until(is_ended).await;
        let mut next = 0;
        for (_, from, to) in ranges(&heard) {
            assert_eq!(from, next, "every frame is told once, in order");
            next = to;
        }
        assert_eq!(next, at);
        assert!(ranges(&heard).iter().any(|range| range.0 == "missed"), "more was said than anyone keeps");
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_says_nothing_for_long_is_dropped_and_its_subscriptions_with_it() {
    let relay = Relay::builder().start().await.unwrap();
    let mut app = App::plain(&relay.url()).await;
    app.say(&AppMessage::Ping { id: 3 }).await;
    assert_eq!(app.event().await, AppEvent::Pong { id: 3 });
    // It does not even answer pings: nobody reads its socket.
    for _ in 0..13 {
        tokio::time::advance(Duration::from_secs(10)).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(app.closed().await, None);
}

// SPEC P20.7
#[tokio::test]
async fn a_client_whose_frames_are_all_bad_is_asked_for_samples() {
    let (relay, mut client) = live(1).await;
    let mut app = App::plain(&relay.url()).await;
    app.subscribe(1, 1, Wanted::Pcm).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    let bad = [0xff; 20].repeat(50);
    for first in (0..250).step_by(50) {
        client.frames(1, first, 50, &bad).await;
        // The decoder says so to the session, which says so when something comes.
        app.until(is_frames_to(first + 50)).await;
    }
    let asked = client.until(|message| matches!(message, RelayMessage::SendPcm { .. })).await;
    assert_eq!(asked, RelayMessage::SendPcm { stream: STREAM });
}

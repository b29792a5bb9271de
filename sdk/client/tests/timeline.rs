//! What a link tells afterwards of what it saw.

mod common;

use common::{Script, ScriptedRelay, soon, state};
use glasslink::{Cause, Happening, Link, LinkState, LinkTimeline, StreamFormat, StreamOptions, Transport};

/// What the entries say, without times.
fn kinds(timeline: &LinkTimeline) -> Vec<&'static str> {
    let kind = |happening: &Happening| match happening {
        Happening::Attempt { .. } => "attempt",
        Happening::Opened => "opened",
        Happening::Live { .. } => "live",
        Happening::Failed { .. } => "failed",
        Happening::Lost { .. } => "lost",
        Happening::Refused { .. } => "refused",
        Happening::NetworkUp => "network_up",
        Happening::Closed => "closed",
        _ => "",
    };
    timeline.entries.iter().map(|entry| kind(&entry.what)).filter(|kind| !kind.is_empty()).collect()
}

#[tokio::test]
async fn a_link_says_what_it_saw_from_the_first_attempt_to_the_end() {
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, mut events) = Link::builder(relay.url()).connect().unwrap();
    link.wait_live(Some(common::SOON)).await.unwrap();
    link.network_changed();
    relay.cut();
    state(&mut events, "the cut", |state| matches!(state, LinkState::Waiting { .. }).then_some(())).await;
    link.wait_live(Some(common::SOON)).await.unwrap();
    soon("the end", link.close()).await;
    let timeline = link.link_timeline();
    assert_eq!(
        kinds(&timeline),
        ["attempt", "opened", "live", "network_up", "lost", "attempt", "opened", "live", "closed"]
    );
    assert_eq!(timeline.entries[0].what, Happening::Attempt { attempt: 1, transport: Transport::WebSocket });
    let lost = timeline.entries.iter().find_map(|entry| match entry.what {
        Happening::Lost { cause, .. } => Some(cause),
        _ => None,
    });
    assert_eq!(lost, Some(Cause::Reset));
    assert!(timeline.entries.iter().any(|entry| matches!(entry.what, Happening::RoundTrip { .. })));
    assert_eq!(LinkTimeline::from_json(timeline.to_json().as_bytes()), Ok(timeline));
}

// SPEC P15.3
#[tokio::test]
async fn neither_secrets_nor_speech_nor_addresses_are_on_it() {
    let script = Script { token: Some("right-token"), ..Script::default() };
    let relay = ScriptedRelay::start(script).await;
    let (link, mut events) = Link::builder(relay.url())
        .token("wrong-token")
        .client_name("Ann's telephone 1.0")
        .proxy("http://someone:password@localhost:9")
        .connect()
        .unwrap();
    let stream = link.open(
        StreamFormat::pcm(16_000).unwrap(),
        StreamOptions { label: "Ann's microphone".into(), ..StreamOptions::default() },
    );
    drop(stream);
    let failed = |state| matches!(state, LinkState::Waiting { .. }).then_some(());
    state(&mut events, "the end of an attempt", failed).await;
    let refused = |state| matches!(state, LinkState::Refused { .. }).then_some(());
    let (direct, mut events) = Link::builder(relay.url()).token("wrong-token").connect().unwrap();
    state(&mut events, "the refusal", refused).await;
    for link in [link, direct] {
        let json = link.link_timeline().to_json();
        let session = link.session().to_string();
        for secret in ["token", "someone", "password", "127.0", "localhost", "Ann", &session] {
            assert!(!json.contains(secret), "{secret} in {json}");
        }
    }
}

//! Where WebSocket is blocked, the link goes on over HTTP.

mod common;

use std::time::Duration;

use common::proxy::{Proxy, Upgrades};
use common::{event, frame, soon, state};
use glasslink::{
    Cause, Event, Events, FinishError, Link, LinkBuilder, LinkState, StreamFormat, StreamOptions, Transport,
};
use glasslink_relay::{Relay, RelayHandle};

async fn relay() -> RelayHandle {
    Relay::builder().start().await.unwrap()
}

fn builder(relay: &RelayHandle, proxy: &Proxy) -> LinkBuilder {
    Link::builder(relay.url()).through(proxy.address)
}

fn lc3() -> StreamFormat {
    StreamFormat::lc3(16_000, 20).unwrap()
}

async fn carried(link: &Link, by: Transport) {
    let mut transport = link.watch_transport();
    soon("the transport", transport.wait_for(|now| *now == Some(by))).await.unwrap();
    soon("the link", link.wait_live(None)).await.unwrap();
}

/// Ends the streams, and sees that every frame of them is kept.
async fn assert_kept(link: &Link, frames: u64) {
    let finished = soon("the end", link.finish()).await;
    assert!(matches!(finished, Err(FinishError::NoEngine(_))), "{finished:?}");
    let stats = link.stats();
    assert_eq!((stats.captured, stats.acknowledged, stats.lost), (frames, frames, 0));
}

async fn goes_on_over_http(upgrades: Upgrades) {
    let relay = relay().await;
    let proxy = Proxy::start(relay.local_addr(), upgrades).await;
    let (link, _events) = builder(&relay, &proxy).connect().unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    for number in 0..500 {
        stream.push(&frame(number)).unwrap();
    }
    carried(&link, Transport::Http).await;
    assert_eq!(proxy.asked(), 2);
    assert_kept(&link, 500).await;
    link.close().await;
    assert_eq!(link.transport(), None);
    relay.shutdown().await;
}

// SPEC P17.1
#[tokio::test]
async fn a_proxy_that_strips_upgrades() {
    goes_on_over_http(Upgrades::Stripped).await;
}

// SPEC P17.1
#[tokio::test]
async fn a_proxy_that_forbids_upgrades() {
    goes_on_over_http(Upgrades::Forbidden).await;
}

// SPEC P17.1
#[tokio::test]
async fn a_proxy_that_resets_upgrades() {
    goes_on_over_http(Upgrades::Reset).await;
}

// SPEC P17.1
#[tokio::test]
async fn a_proxy_that_swallows_upgrades() {
    goes_on_over_http(Upgrades::Hung).await;
}

// SPEC P17.1
#[tokio::test]
async fn a_proxy_that_lets_the_upgrade_through_and_nothing_else() {
    goes_on_over_http(Upgrades::DeadAfter101).await;
}

/// The states from here on, until the link is carried by `by` and live.
async fn states_until(link: &Link, events: &mut Events, by: Transport) -> Vec<LinkState> {
    let mut states = Vec::new();
    loop {
        let next = state(events, "the switch", Some).await;
        states.push(next);
        if next.is_live() && link.transport() == Some(by) {
            return states;
        }
    }
}

// SPEC P17.2
#[tokio::test]
async fn when_websocket_works_again_the_link_returns_to_it_and_loses_nothing() {
    let relay = relay().await;
    let proxy = Proxy::start(relay.local_addr(), Upgrades::Stripped).await;
    let every = Duration::from_secs(1);
    let (link, mut events) = builder(&relay, &proxy).websocket_retry(every).connect().unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    carried(&link, Transport::Http).await;
    let mut pushed = 0;
    let mut push = async |until: usize| {
        while proxy.asked() < until {
            stream.push(&frame(pushed)).unwrap();
            pushed += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Two before HTTP, two beside it.
    soon("tries", push(4)).await;
    assert_eq!(link.transport(), Some(Transport::Http));
    proxy.set(Upgrades::Pass);
    while events.try_next().is_some() {}
    let (states, ()) = tokio::join!(states_until(&link, &mut events, Transport::WebSocket), async {
        soon("the try", push(5)).await;
    });
    // As after any cut.
    assert!(matches!(states[0], LinkState::Waiting { cause: Cause::Reset, .. }), "{states:?}");
    assert_kept(&link, pushed).await;
    assert_eq!((proxy.asked(), link.stats().reconnects), (5, 1));
    link.close().await;
    relay.shutdown().await;
}

// SPEC P17.3
#[tokio::test]
async fn requests_that_break_are_sent_again_and_the_connection_goes_on() {
    let relay = relay().await;
    let proxy = Proxy::start(relay.local_addr(), Upgrades::Pass).await;
    let (link, mut events) = builder(&relay, &proxy).transport(Transport::Http).connect().unwrap();
    let stream = link.open(lc3(), StreamOptions::default()).unwrap();
    carried(&link, Transport::Http).await;
    for round in 0..10 {
        for number in 0..50 {
            stream.push(&frame(round * 50 + number)).unwrap();
        }
        proxy.cut();
        event(&mut events, "frames kept", |event| match event {
            Event::Kept { next, .. } => (next.0 > round * 50).then_some(()),
            _ => None,
        })
        .await;
    }
    assert_kept(&link, 500).await;
    assert_eq!(link.stats().reconnects, 0);
    assert_eq!(proxy.asked(), 0);
    link.close().await;
    relay.shutdown().await;
}

// SPEC P17.4
#[tokio::test]
async fn what_the_relay_itself_refuses_is_refused() {
    let relay = Relay::builder().token("sesame").start().await.unwrap();
    for transport in [None, Some(Transport::WebSocket), Some(Transport::Http)] {
        let only = |builder: LinkBuilder| match transport {
            Some(transport) => builder.transport(transport),
            None => builder,
        };
        let (link, _events) = only(Link::builder(relay.url()).token("wrong")).connect().unwrap();
        let refusal = soon("the refusal", link.wait_live(None)).await.unwrap_err();
        assert!(refusal.to_string().contains(Cause::Unauthorized.remedy()), "{refusal}");
        let (link, _events) = only(Link::builder(relay.url()).token("sesame")).connect().unwrap();
        soon("the link", link.wait_live(None)).await.unwrap();
        assert_eq!(link.transport(), Some(transport.unwrap_or(Transport::WebSocket)));
    }
    relay.shutdown().await;
}

#[tokio::test]
async fn a_program_that_wants_no_http_is_told_what_is_wrong() {
    let relay = relay().await;
    let proxy = Proxy::start(relay.local_addr(), Upgrades::Stripped).await;
    let (link, _events) = builder(&relay, &proxy).transport(Transport::WebSocket).connect().unwrap();
    let refusal = soon("the refusal", link.wait_live(None)).await.unwrap_err();
    assert!(refusal.to_string().contains(Cause::UnsupportedVersion.remedy()), "{refusal}");
}

#[tokio::test]
async fn over_http_a_relay_that_restarts_is_waited_for_and_another_holder_supersedes() {
    let first = relay().await;
    let address = first.local_addr();
    let http = |url: String| Link::builder(url).transport(Transport::Http);
    let (link, mut events) = http(first.url()).connect().unwrap();
    carried(&link, Transport::Http).await;
    soon("the leave", first.shutdown()).await;
    let cause = state(&mut events, "the restart", |state| match state {
        LinkState::Waiting { cause, .. } => Some(cause),
        _ => None,
    })
    .await;
    assert_eq!(cause, Cause::Restarting);
    let second = Relay::builder().listen(address).start().await.unwrap();
    state(&mut events, "the link", |state| state.is_live().then_some(())).await;
    let (other, _events) = http(second.url()).session(link.session()).connect().unwrap();
    soon("the other", other.wait_live(None)).await.unwrap();
    let cause = state(&mut events, "the refusal", |state| match state {
        LinkState::Refused { cause, .. } => Some(cause),
        _ => None,
    })
    .await;
    assert_eq!(cause, Cause::Superseded);
    second.shutdown().await;
}

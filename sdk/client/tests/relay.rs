//! The link against the reference relay itself.

mod common;

use std::net::SocketAddr;

use common::{frame, soon, state};
use glasslink::{Cause, FinishError, Link, LinkState, StreamFormat, StreamOptions};
use glasslink_relay::{Relay, RelayHandle};

async fn relay(address: SocketAddr) -> RelayHandle {
    Relay::builder().listen(address).start().await.unwrap()
}

#[tokio::test]
async fn a_relay_that_restarts_says_so_and_is_waited_for() {
    let first = relay(([127, 0, 0, 1], 0).into()).await;
    let address = first.local_addr();
    let (link, mut events) = Link::builder(first.url()).connect().unwrap();
    let stream = link.open(StreamFormat::lc3(16_000, 20).unwrap(), StreamOptions::default()).unwrap();
    state(&mut events, "the link", |state| state.is_live().then_some(())).await;
    for number in 0..50 {
        stream.push(&frame(number)).unwrap();
    }
    soon("the leave", first.shutdown()).await;
    let cause = state(&mut events, "the restart", |state| match state {
        LinkState::Waiting { cause, .. } => Some(cause),
        _ => None,
    })
    .await;
    assert_eq!(cause, Cause::Restarting);
    for number in 50..100 {
        stream.push(&frame(number)).unwrap();
    }
    let second = relay(address).await;
    // A relay without an engine keeps everything and transcribes nothing.
    let finished = soon("the end", link.finish()).await;
    assert!(matches!(finished, Err(FinishError::NoEngine(_))), "{finished:?}");
    let stats = link.stats();
    assert_eq!((stats.captured, stats.acknowledged, stats.lost), (100, 100, 0));
    link.close().await;
    second.shutdown().await;
}

#[tokio::test]
async fn a_session_belongs_to_the_token_that_made_it() {
    let relay =
        Relay::builder().named_token("ann", "ann's").named_token("bob", "bob's").start().await.unwrap();
    let (ann, _events) = Link::builder(relay.url()).token("ann's").connect().unwrap();
    ann.wait_live(Some(common::SOON)).await.unwrap();
    let bob = Link::builder(relay.url()).token("bob's").session(ann.session()).connect();
    let (bob, _events) = bob.unwrap();
    let refusal = soon("the refusal", bob.wait_live(None)).await.unwrap_err();
    assert!(refusal.to_string().contains(Cause::Forbidden.remedy()), "{refusal}");
    assert!(ann.state().is_live());
}

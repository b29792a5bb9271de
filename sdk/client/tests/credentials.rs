//! Credentials that expire, against the reference relay itself.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{SOON, frame, soon};
use glasslink::{
    Cause, Credentials, Event, Events, FinishError, Link, LinkState, StreamFormat, StreamOptions, Token,
    TokenFuture, Transport,
};
use glasslink_relay::{Relay, RelayHandle};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long the first token is good for.
const LASTS: Duration = Duration::from_secs(2);

/// A token for each time it is asked, the last one again and again.
struct Issuer {
    asked: AtomicUsize,
    /// Whether the client learns when the first expires.
    tells: bool,
}

impl Credentials for Issuer {
    fn token(&self) -> TokenFuture<'_> {
        let token = match self.asked.fetch_add(1, Ordering::Relaxed) {
            0 if self.tells => Token::new("first").map(|token| token.expires_in(LASTS)),
            0 => Token::new("first"),
            _ => Token::new("second"),
        };
        Box::pin(std::future::ready(Ok(token.expect("it is one word"))))
    }
}

async fn relay() -> RelayHandle {
    let relay = Relay::builder().expiring_token("phone", "first", LASTS).named_token("phone", "second");
    relay.start().await.unwrap()
}

struct Run {
    link: Link,
    events: Events,
    issuer: Arc<Issuer>,
    sent: u64,
}

impl Run {
    async fn live(relay: &RelayHandle, tells: bool, transport: Transport) -> Self {
        let issuer = Arc::new(Issuer { asked: AtomicUsize::new(0), tells });
        let asked = Arc::clone(&issuer);
        let provider = move || {
            let issuer = Arc::clone(&asked);
            async move { issuer.token().await }
        };
        let (link, events) =
            Link::builder(relay.url()).credentials(provider).transport(transport).connect().unwrap();
        link.wait_live(Some(SOON)).await.unwrap();
        Self { link, events, issuer, sent: 0 }
    }

    /// Captures until the first token has been invalid for a second.
    async fn capture(&mut self) {
        let stream =
            self.link.open(StreamFormat::lc3(16_000, 20).unwrap(), StreamOptions::default()).unwrap();
        let over = Instant::now() + LASTS + Duration::from_secs(1);
        let mut beat = interval(Duration::from_millis(10));
        beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
        while beat.tick().await < over {
            stream.push(&frame(self.sent)).unwrap();
            self.sent += 1;
        }
    }

    /// Everything arrived; the states the link went through after it was first live.
    async fn end(mut self) -> Vec<LinkState> {
        let finished = soon("the end", self.link.finish()).await;
        assert!(matches!(finished, Err(FinishError::NoEngine(_))), "{finished:?}");
        let sums = self.link.stats();
        assert_eq!((sums.captured, sums.acknowledged, sums.lost), (self.sent, self.sent, 0));
        self.link.close().await;
        let mut states = Vec::new();
        while let Some(event) = self.events.next().await {
            if let Event::State(state) = event.unwrap() {
                states.push(state);
            }
        }
        let live = states.iter().position(LinkState::is_live).unwrap();
        states.split_off(live + 1)
    }
}

// SPEC P5.5
#[tokio::test]
async fn a_token_that_expires_is_renewed_while_the_link_stays_live() {
    for transport in [Transport::WebSocket, Transport::Http] {
        let relay = relay().await;
        let mut run = Run::live(&relay, true, transport).await;
        run.capture().await;
        assert_eq!(run.issuer.asked.load(Ordering::Relaxed), 2, "in time, and not again");
        assert_eq!(run.end().await, [LinkState::Closed], "it never was anything but live");
        relay.shutdown().await;
    }
}

// SPEC P5.5
#[tokio::test]
async fn a_program_that_has_new_credentials_shows_them_while_the_link_stays_live() {
    let relay = relay().await;
    let mut run = Run::live(&relay, false, Transport::WebSocket).await;
    run.link.credentials_changed();
    run.capture().await;
    assert_eq!(run.end().await, [LinkState::Closed]);
    relay.shutdown().await;
}

// SPEC P5.3 P5.5
#[tokio::test]
async fn a_token_that_nobody_renewed_ends_the_connection_and_not_the_session() {
    let relay = relay().await;
    let mut run = Run::live(&relay, false, Transport::WebSocket).await;
    let session = run.link.session();
    run.capture().await;
    assert_eq!(run.link.session(), session);
    let states = run.end().await;
    let unauthorized =
        |state: &LinkState| matches!(state, LinkState::Waiting { cause: Cause::Unauthorized, .. });
    assert!(states.iter().any(unauthorized), "{states:?}");
    assert_eq!(states.iter().filter(|state| state.is_live()).count(), 1, "{states:?}");
    relay.shutdown().await;
}

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use glasslink_protocol::EventNumber;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};

use super::answer::{Event, Events};
use super::find::Wanted;
use super::{Lease, Trouble};
use crate::catalog::{EventRow, Happened, SessionKey, SessionState, What};
use crate::shared::Shared;

const DEFAULT: usize = 200;
const MOST: usize = 1_000;

/// A comment is sent this often where nothing happens: within the patience of proxies.
const BEAT: Duration = Duration::from_secs(10);

/// `GET /v1/sessions/{id}/events?since=`: what was said and what is missing, by number. As server-sent events, for who
/// accepts them, it goes on.
pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    lease: Lease,
    wanted: Wanted,
) -> Result<Response, Trouble> {
    let Wanted { key, parameters, caller, row } = wanted;
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let goes_on = accept.contains("text/event-stream");
    let last = headers.get("last-event-id").filter(|_| goes_on).and_then(|id| id.to_str().ok()?.parse().ok());
    let since =
        last.map_or_else(|| parameters.number("since", "the number of an event"), |last| Ok(Some(last)))?;
    let since = EventNumber(since.unwrap_or(0));
    let most = parameters.limit(DEFAULT, MOST)?;
    if !goes_on {
        let mut found = shared.catalog.events(key, since, most + 1).await?;
        let more = found.len() > most;
        found.truncate(most);
        let next = found.last().map_or(since.0, |row| row.number.0);
        let events = found.into_iter().map(Event::from).collect();
        return Ok(Json(Events { epoch: key.epoch.0, events, next, more }).into_response());
    }
    let place = Arc::clone(&shared.watchers).try_acquire_owned();
    let place = place.map_err(|_| Trouble::busy("too many look on already"))?;
    let follower = Follower {
        feed: shared.feed.subscribe(),
        shared,
        key,
        since,
        lease,
        until: caller.until,
        over: row.state == SessionState::Over,
        behind: true,
        _place: place,
    };
    let body = Body::from_stream(unfold(follower, |mut follower| async {
        let piece = follower.next().await?;
        follower.lease.renew();
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(piece)), follower))
    }));
    let head = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    Ok((head, body).into_response())
}

/// Who follows a session.
struct Follower {
    shared: Arc<Shared>,
    feed: broadcast::Receiver<Arc<Happened>>,
    key: SessionKey,
    /// The last event that was given.
    since: EventNumber,
    lease: Lease,
    /// When its credentials expire.
    until: Option<Instant>,
    over: bool,
    /// There may be events in the catalogue that were not given.
    behind: bool,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Follower {
    /// The next piece of the answer; `None` at its end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.until.is_some_and(|until| Instant::now() >= until) || self.shared.stopping.is_cancelled()
            {
                return None;
            }
            if self.behind {
                let found = self.shared.catalog.events(self.key, self.since, MOST).await.unwrap_or_default();
                self.behind = found.len() == MOST;
                if !found.is_empty() {
                    return Some(found.into_iter().map(|event| self.give(event)).collect());
                }
            }
            if self.over && !self.behind {
                return None;
            }
            let draining = self.shared.draining.clone();
            let happened = tokio::select! {
                happened = timeout(BEAT, self.feed.recv()) => happened,
                () = sleep_until(self.until.unwrap_or_else(|| Instant::now() + BEAT)) => continue,
                () = draining.cancelled() => return None,
            };
            match happened {
                Err(_) => {
                    // What the catalogue took later than it was told is given now.
                    self.behind = true;
                    return Some(":\n\n".to_owned());
                }
                Ok(Err(RecvError::Lagged(_))) => self.behind = true,
                Ok(Err(RecvError::Closed)) => return None,
                Ok(Ok(happened)) if happened.key == self.key => {
                    if let Some(piece) = self.hear(&happened.what) {
                        return Some(piece);
                    }
                }
                Ok(Ok(_)) => {}
            }
        }
    }

    fn hear(&mut self, what: &What) -> Option<String> {
        match what {
            What::Event(event) if event.number == self.since.next() => Some(self.give(event.clone())),
            What::Event(event) if event.number > self.since => {
                self.behind = true;
                None
            }
            What::Event(_) => None,
            What::Change(state, change) => {
                self.over = *state == SessionState::Over;
                let data = serde_json::to_string(change).unwrap_or_default();
                Some(format!("event: change\ndata: {data}\n\n"))
            }
        }
    }

    fn give(&mut self, row: EventRow) -> String {
        self.since = row.number;
        let data = serde_json::to_string(&Event::from(row)).unwrap_or_default();
        format!("id: {}\nevent: transcript\ndata: {data}\n\n", self.since.0)
    }
}

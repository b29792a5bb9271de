use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use tokio::time::{Instant, sleep_until};

use super::overview::Overview;
use crate::api::{Caller, Lease, Trouble};
use crate::catalog::{Happened, What};
use crate::shared::Shared;

/// How often the whole is told.
const EVERY: Duration = Duration::from_secs(1);

/// `GET /dashboard/live`: server-sent events: `overview` each second, and `change` for each change of a session.
pub(super) async fn live(
    State(shared): State<Arc<Shared>>,
    lease: Lease,
    caller: Caller,
) -> Result<Response, Trouble> {
    let place = Arc::clone(&shared.watchers).try_acquire_owned();
    let place = place.map_err(|_| Trouble::busy("too many look on already"))?;
    let feed = shared.feed.subscribe();
    let watcher = Watcher { shared, caller, feed, next: Instant::now(), _place: place };
    let body = Body::from_stream(unfold((watcher, lease), |(mut watcher, lease)| async move {
        let piece = watcher.next().await?;
        lease.renew();
        Some((Ok::<_, Infallible>(Bytes::from(piece)), (watcher, lease)))
    }));
    let head = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    Ok((head, body).into_response())
}

struct Watcher {
    shared: Arc<Shared>,
    caller: Caller,
    feed: broadcast::Receiver<Arc<Happened>>,
    /// When the whole is told next.
    next: Instant,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.caller.until.is_some_and(|until| Instant::now() >= until) {
                return None;
            }
            let stopping = self.shared.stopping.clone();
            let happened = tokio::select! {
                happened = self.feed.recv() => happened,
                () = sleep_until(self.next) => {
                    self.next = Instant::now() + EVERY;
                    let overview = Overview::of(&self.shared, &self.caller).await;
                    return Some(event("overview", &serde_json::to_string(&overview).unwrap_or_default()));
                }
                () = stopping.cancelled() => return None,
            };
            match happened {
                Ok(happened) if self.caller.may_see(&happened.owner) => {
                    if let What::Change(state, change) = &happened.what {
                        let (id, epoch) = (happened.key.id.to_string(), happened.key.epoch.0);
                        let told = json!({ "id": id, "epoch": epoch, "state": state, "change": change });
                        return Some(event("change", &told.to_string()));
                    }
                }
                // What was missed is in the next overview.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

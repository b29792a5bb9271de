use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, delete, get, post};

use super::{audio, events, metrics, one, openapi, remove, sessions, transcript};
use crate::jobs;
use crate::shared::Shared;

type Handler = fn() -> MethodRouter<Arc<Shared>>;

/// Method, path and handler: `openapi.json` has the same ones.
pub(super) static ROUTES: &[(&str, &str, Handler)] = &[
    ("get", "/v1/openapi.json", || get(openapi::document)),
    ("get", "/metrics", || get(metrics::metrics)),
    ("get", "/v1/sessions", || get(sessions::list)),
    ("get", "/v1/sessions/{id}", || get(one::describe)),
    ("delete", "/v1/sessions/{id}", || delete(remove::remove)),
    ("get", "/v1/sessions/{id}/transcript", || get(transcript::transcript)),
    ("get", "/v1/sessions/{id}/events", || get(events::events)),
    ("get", "/v1/sessions/{id}/audio", || get(audio::audio)),
    ("post", "/v1/sessions/{id}/transcribe", || post(jobs::transcribe)),
    ("get", "/v1/jobs", || get(jobs::list)),
    ("get", "/v1/jobs/{number}", || get(jobs::describe)),
    ("delete", "/v1/jobs/{number}", || delete(jobs::cancel)),
];

pub(crate) fn routes() -> Router<Arc<Shared>> {
    ROUTES.iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler()))
}

/// The same under another path, which stands for `/v1`: everything that begins with `/v1/sessions`.
pub(crate) fn of_sessions(base: &str) -> Router<Arc<Shared>> {
    let ours = ROUTES.iter().filter_map(|(_, path, handler)| Some((path.strip_prefix("/v1")?, handler)));
    let ours = ours.filter(|(path, _)| path.starts_with("/sessions"));
    ours.fold(Router::new(), |router, (path, handler)| router.route(&format!("{base}{path}"), handler()))
}

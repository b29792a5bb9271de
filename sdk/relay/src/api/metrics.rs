use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::{Caller, Trouble};
use crate::shared::Shared;

/// What proxies add: who comes through one may come from anywhere.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// `GET /metrics`: what METRICS.md lists, in the text format of Prometheus.
pub(super) async fn metrics(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<SocketAddr>,
    request: Request,
) -> Result<Response, Trouble> {
    let (mut parts, _) = request.into_parts();
    let near = peer.ip().is_loopback() && !FORWARDED.iter().any(|name| parts.headers.contains_key(*name));
    if !shared.metrics_open && !near {
        let caller = Caller::from_request_parts(&mut parts, &shared).await?;
        if !caller.identity.is_admin() {
            return Err(Trouble::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "these figures are the owner's",
                "ask with the owner's token or from the relay's machine, or start the relay with metrics = \"open\"",
            ));
        }
    }
    let exposition = shared.metrics.clone().ok_or_else(|| {
        let remedy = "`glasslink-relay serve` has one; a program gives its own with `RelayBuilder::metrics`";
        Trouble::new(StatusCode::NOT_FOUND, "no_recorder", "this relay has no recorder of figures", remedy)
    })?;
    shared.tell();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], exposition()).into_response())
}

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use glasslink_protocol::{Cause, HTTP_DOWN, HTTP_RENEW, HTTP_UP};
use serde_json::json;

use crate::identity::AuditNote;
use crate::server::{self, Refusal};
use crate::shared::Shared;
use crate::speech::EngineView;
use crate::{api, dashboard, doors};

/// Every address the relay answers at.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/link", get(doors::link::upgrade))
        .route(&format!("/v1/link{HTTP_UP}"), post(doors::link::http::up))
        .route(&format!("/v1/link{HTTP_DOWN}"), post(doors::link::http::down))
        .route(&format!("/v1/link{HTTP_RENEW}"), post(doors::link::http::renew))
        .merge(doors::pairing::routes())
        .merge(doors::app::routes())
        .merge(doors::deepgram::routes())
        .merge(doors::mentra::routes())
        .merge(doors::omi::routes())
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .merge(api::routes())
        .merge(dashboard::routes())
        .fallback(nothing_here)
        .layer(from_fn_with_state(Arc::clone(shared), server::watch))
        .layer(from_fn_with_state(Arc::clone(shared), guard))
        .with_state(Arc::clone(shared))
}

async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    match shared.guard.refuses(request.headers()) {
        Some((event, reason)) => {
            let peer = request.extensions().get::<SocketAddr>().map(SocketAddr::ip);
            shared.credentials.audit().note(AuditNote::new(event).from(peer));
            Refusal::because(Cause::Forbidden, reason).into_response()
        }
        None => next.run(request).await,
    }
}

async fn nothing_here() -> Refusal {
    Refusal::because(Cause::HttpStatus(404), "there is nothing at this address; the link is at /v1/link")
}

/// Whether the process answers at all.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether new sessions are welcome, and what stands in the way.
async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    let readiness = shared.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let engine = |engine: EngineView| {
        json!({
            "name": engine.name,
            "host": engine.host,
            "state": engine.status.state,
            "breaker": engine.breaker,
            "message": engine.status.message,
            "remedy": engine.status.remedy,
        })
    };
    let body = json!({
        "ready": readiness.ready,
        "reasons": readiness.reasons,
        "warnings": readiness.warnings,
        "sessions": readiness.sessions,
        "engine": readiness.engine,
        "engines": readiness.engines.into_iter().map(engine).collect::<Vec<_>>(),
    });
    (status, Json(body)).into_response()
}

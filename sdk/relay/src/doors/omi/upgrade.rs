use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use glasslink_protocol::Cause;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::time::timeout;

use super::audio::Audio;
use super::connection::Listener;
use super::limits;
use super::query::{Query, Unsupported};
use crate::doors::fed::{Feed, Stranger};
use crate::doors::link::{Trace, WebSocket, handshake, switch_to};
use crate::identity::{AuditEvent, AuditNote, Of, Share};
use crate::limits::CLOSING;
use crate::server::{Place, Refusal, Transport};
use crate::shared::Shared;

/// Answers `GET /v4/listen`: who it is, and whether there is room. What is wrong with the audio is said by a close code.
pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(place): Extension<Place>,
    request: Request,
) -> Result<Response, Response> {
    let shown = request.headers().get(AUTHORIZATION);
    let detail =
        if shown.is_some() { "Invalid authorization token" } else { "Authorization header not found" };
    match accept(&shared, place, request) {
        Err(Cause::Unauthorized) => {
            Err((StatusCode::UNAUTHORIZED, Json(json!({ "detail": detail }))).into_response())
        }
        other => other.map_err(|cause| Refusal::new(cause).into_response()),
    }
}

fn accept(shared: &Arc<Shared>, place: Place, mut request: Request) -> Result<Response, Cause> {
    let headers = request.headers();
    let authorization = headers.get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
    let grant = shared.credentials.identify(authorization).ok_or(Cause::Unauthorized)?;
    let accept = handshake(headers).map_err(|_| Cause::ProtocolError)?;
    if shared.stopping.is_cancelled() || shared.draining.is_cancelled() {
        return Err(Cause::Restarting);
    }
    if shared.registry.is_crowded() {
        return Err(Cause::Overloaded);
    }
    let Some(share) = shared.quotas.take(Of::Connection, &grant.identity) else {
        let note = AuditNote::new(AuditEvent::LimitReached).by(grant.identity).saying("connections");
        shared.credentials.audit().note(note);
        return Err(Cause::RateLimited);
    };
    let named = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let client = named("x-app-platform").or(named(USER_AGENT.as_str())).unwrap_or("app");
    let client = format!("Omi: {client}");
    let listener = match Query::parse(request.uri()) {
        Ok(query) => {
            let until = grant.until;
            let trace = Trace::called(query.conversation.as_deref());
            let stranger = Stranger { grant, client, trace, remote_speech: query.remote_speech };
            let feed = Feed::begin(shared, stranger)?;
            Ok(Listener::new(feed, Audio::new(&query), until))
        }
        Err(unsupported) => Err(unsupported),
    };
    let upgraded = hyper::upgrade::on(&mut request);
    shared.connections.spawn(serve(listener, upgraded, (place, share)));
    switch_to(accept, None).map_err(|_| Cause::ProtocolError)
}

async fn serve(listener: Result<Listener, Unsupported>, upgraded: OnUpgrade, place: (Place, Share)) {
    let Ok(upgraded) = upgraded.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Transport>>() else { return };
    let transport = parts.io.into_inner();
    let mut socket = WebSocket::new(transport, &parts.read_buf, limits::MESSAGE_BYTES, place).await;
    if let Ok(listener) = listener {
        return listener.serve(socket).await;
    }
    let close = socket.close_with(1003, "this codec, sample rate or number of channels is not supported");
    let _ = timeout(CLOSING, close).await;
}

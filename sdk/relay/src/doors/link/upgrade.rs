use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use glasslink_protocol::{Cause, SUBPROTOCOL};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::doors::link::hello::greet;
use crate::identity::{AuditEvent, AuditNote, Of};
use crate::server::{Place, Refusal};
use crate::shared::Shared;

/// Answers `GET /v1/link`: who it is, whether there is room, and whether both speak the same language.
pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(place): Extension<Place>,
    mut request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers();
    let authorization = headers.get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
    let Some(grant) = shared.credentials.identify(authorization) else {
        return Err(Refusal::new(Cause::Unauthorized));
    };
    let accept = accept_key(headers)?;
    if shared.stopping.is_cancelled() || shared.draining.is_cancelled() {
        return Err(Refusal::new(Cause::Restarting));
    }
    if shared.registry.is_crowded() {
        return Err(Refusal::new(Cause::Overloaded));
    }
    let Some(share) = shared.quotas.take(Of::Connection, &grant.identity) else {
        let note = AuditNote::new(AuditEvent::LimitReached).by(grant.identity).saying("connections");
        shared.credentials.audit().note(note);
        return Err(Refusal::because(Cause::RateLimited, "these credentials have too many connections"));
    };
    let upgraded = hyper::upgrade::on(&mut request);
    shared.connections.spawn(greet(Arc::clone(&shared), grant, upgraded, (place, share)));
    switch(accept)
}

/// The answer that makes a WebSocket of a request, with what [`accept_key`] returned.
pub(crate) fn switch(accept: String) -> Result<Response, Refusal> {
    switch_to(accept, Some(SUBPROTOCOL))
}

/// The same in another protocol, under its name if the client gave it one.
pub(crate) fn switch_to(accept: String, subprotocol: Option<&str>) -> Result<Response, Refusal> {
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(subprotocol) = subprotocol {
        response = response.header(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response.body(Body::empty()).map_err(|_| Refusal::new(Cause::ProtocolError))
}

/// The answer to the key of a WebSocket upgrade that names our subprotocol.
pub(crate) fn accept_key(headers: &HeaderMap) -> Result<String, Refusal> {
    let accept = handshake(headers)?;
    if lists(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Ok(accept);
    }
    let message = "only the subprotocol glasslink.v1 is spoken here";
    Err(Refusal::because(Cause::UnsupportedVersion, message))
}

/// The answer to the key of a WebSocket upgrade, whatever is to be spoken.
pub(crate) fn handshake(headers: &HeaderMap) -> Result<String, Refusal> {
    let other = |message: &str| Refusal::because(Cause::UnsupportedVersion, message);
    if !lists(headers, &CONNECTION, "upgrade") || !lists(headers, &UPGRADE, "websocket") {
        return Err(other("this address is a WebSocket's"));
    }
    if !lists(headers, &SEC_WEBSOCKET_VERSION, "13") {
        return Err(other("only version 13 of WebSocket is spoken here"));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or(Refusal::new(Cause::ProtocolError))?;
    Ok(derive_accept_key(key.as_bytes()))
}

/// Whether one of the comma-separated values of a header is `wanted`.
fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    values(headers, name).any(|value| value.eq_ignore_ascii_case(wanted))
}

/// The comma-separated values of a header.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

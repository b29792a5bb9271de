use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use glasslink_protocol::pairing::{
    MAX_PAIRING_BODY_BYTES, PAIR_CODE, PAIR_CONFIRM, PAIR_QR, PairedResponse, PairingRefusal, QrRequest,
    TOKEN, TokenResponse,
};
use glasslink_protocol::{Cause, ErrorReport};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::spawn_blocking;
use tracing::error;

use crate::doors::pairing::code::{begin, confirm};
use crate::identity::{AuditEvent, AuditNote, KeysError, Newcomer};
use crate::server::Refusal;
use crate::shared::Shared;

/// Why a request of this door is not served.
pub(super) enum Refused {
    Pairing(PairingRefusal),
    Other(Refusal),
}

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(PAIR_QR, post(qr))
        .route(PAIR_CODE, post(begin))
        .route(PAIR_CONFIRM, post(confirm))
        .route(TOKEN, post(token))
}

/// Answers `POST /v1/pair/qr`: pairs whoever has the secret of an offer.
async fn qr(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<SocketAddr>,
    request: Request,
) -> Result<Response, Refused> {
    let QrRequest { secret, name, client } = body(&shared, peer, request).await?;
    let keys = shared.credentials.keys().clone();
    let pair = move || {
        let newcomer = Newcomer { name: &name, client: &client, address: Some(peer.ip()) };
        keys.pair_by_secret(&secret, &newcomer)
    };
    match blocking(pair).await? {
        Some(paired) => Ok(secret_answer(PairedResponse { device: paired.id.to_string(), key: paired.key })),
        None => Err(no_offer(&shared, peer.ip())),
    }
}

/// Answers `POST /v1/token`: a token for a device's key.
async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Refused> {
    let authorization = headers.get(AUTHORIZATION).map(|value| value.as_bytes().to_vec());
    let of_task = Arc::clone(&shared);
    let token = blocking(move || of_task.credentials.token_for(authorization.as_deref())).await?;
    let token = token.ok_or(Refused::Other(Refusal::new(Cause::Unauthorized)))?;
    let expires_in_ms = u64::try_from(token.lasts.as_millis()).unwrap_or(u64::MAX);
    Ok(secret_answer(TokenResponse { token: token.token, expires_in_ms }))
}

/// The JSON that a request has for its body.
pub(super) async fn body<T: DeserializeOwned>(
    shared: &Shared,
    peer: SocketAddr,
    request: Request,
) -> Result<T, Refused> {
    let refuse = |event, cause, message: &str| {
        shared.credentials.audit().note(AuditNote::new(event).from(peer.ip()).saying("pairing"));
        Refused::Other(Refusal::because(cause, message))
    };
    let body = to_bytes(request.into_body(), MAX_PAIRING_BODY_BYTES).await.map_err(|_| {
        refuse(AuditEvent::TooLarge, Cause::HttpStatus(413), "the body is not whole, or too large")
    })?;
    serde_json::from_slice(&body)
        .map_err(|_| refuse(AuditEvent::Malformed, Cause::ProtocolError, "the body is not understood"))
}

/// Runs what reads or writes the database.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeysError> + Send + 'static,
) -> Result<T, Refused> {
    let done = spawn_blocking(work)
        .await
        .unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()));
    done.map_err(|error| {
        error!(%error, "identity.db");
        Refused::Other(Refusal::new(Cause::Overloaded))
    })
}

/// An answer that nobody on the way may keep.
pub(super) fn secret_answer(body: impl Serialize) -> Response {
    ([(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"))], Json(body)).into_response()
}

pub(super) fn no_offer(shared: &Shared, address: IpAddr) -> Refused {
    shared.credentials.audit().note(AuditNote::new(AuditEvent::PairingNoOffer).from(address));
    Refused::Pairing(PairingRefusal::NoOffer)
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Pairing(refusal) => {
                let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
                let report: ErrorReport = refusal.report();
                (status, Json(report)).into_response()
            }
            Self::Other(refusal) => refusal.into_response(),
        }
    }
}

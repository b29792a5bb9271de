use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use glasslink_protocol::pairing::{
    ConfirmRequest, ConfirmResponse, ExchangeId, ExchangeRequest, ExchangeResponse, KeyExchange,
    PairingRefusal, Side,
};

use crate::doors::pairing::requests::{Refused, blocking, body, no_offer, secret_answer};
use crate::identity::{AuditEvent, AuditNote, KeysError, Newcomer};
use crate::shared::Shared;

/// Answers `POST /v1/pair/code`: begins a key exchange by the code that is open. It is one of the code's tries, whatever
/// becomes of it.
pub(super) async fn begin(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<SocketAddr>,
    request: Request,
) -> Result<Response, Refused> {
    let ExchangeRequest { message } = body(&shared, peer, request).await?;
    let keys = shared.credentials.keys().clone();
    let begin = move || {
        let Some((offer, code)) = keys.try_code()? else { return Ok(None) };
        let ours = KeyExchange::begin(Side::Relay, &code);
        let answer = ours.message().to_owned();
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(KeysError::from)?;
        let id = ExchangeId(u128::from_ne_bytes(id));
        Ok(Some((offer, id, answer, ours.finish(&message).ok())))
    };
    let Some((offer, id, message, exchange)) = blocking(begin).await? else {
        return Err(no_offer(&shared, peer.ip()));
    };
    let Some(exchange) = exchange else {
        return Err(wrong(&shared, peer, offer, PairingRefusal::WrongCode).await);
    };
    shared.pairing.keep(id, offer, exchange);
    Ok(secret_answer(ExchangeResponse { exchange: id, message }))
}

/// Answers `POST /v1/pair/confirm`: pairs whoever had the code, and sees the relay's own certificate.
pub(super) async fn confirm(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<SocketAddr>,
    request: Request,
) -> Result<Response, Refused> {
    let ConfirmRequest { exchange, certificate, confirmation, name, client } =
        body(&shared, peer, request).await?;
    let Some(pending) = shared.pairing.take(exchange) else { return Err(no_offer(&shared, peer.ip())) };
    let ours = shared.certificate.as_ref().map(crate::server::Certificate::fingerprint);
    if certificate != ours {
        return Err(wrong(&shared, peer, pending.offer, PairingRefusal::AnotherCertificate).await);
    }
    if !pending.exchange.confirms(Side::Device, ours, &confirmation) {
        return Err(wrong(&shared, peer, pending.offer, PairingRefusal::WrongCode).await);
    }
    let (keys, offer) = (shared.credentials.keys().clone(), pending.offer);
    let pair = move || {
        let newcomer = Newcomer { name: &name, client: &client, address: Some(peer.ip()) };
        keys.pair_by_code(offer, &newcomer)
    };
    let Some(paired) = blocking(pair).await? else { return Err(no_offer(&shared, peer.ip())) };
    let confirmation = pending.exchange.confirmation(Side::Relay, ours).into_text();
    Ok(secret_answer(ConfirmResponse { device: paired.id.to_string(), key: paired.key, confirmation }))
}

/// A try that failed.
async fn wrong(shared: &Shared, peer: SocketAddr, offer: i64, refusal: PairingRefusal) -> Refused {
    let event = match refusal {
        PairingRefusal::AnotherCertificate => AuditEvent::PairingAnotherCertificate,
        _ => AuditEvent::PairingWrongCode,
    };
    let audit = shared.credentials.audit();
    audit.note(AuditNote::new(event).from(peer.ip()));
    let keys = shared.credentials.keys().clone();
    match blocking(move || keys.wrong_code(offer)).await {
        Ok(true) => audit.note(AuditNote::new(AuditEvent::PairingExhausted).from(peer.ip())),
        Ok(false) => {}
        Err(failed) => return failed,
    }
    Refused::Pairing(refusal)
}

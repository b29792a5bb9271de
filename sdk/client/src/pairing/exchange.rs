use std::time::Duration;

use bytes::Bytes;
use glasslink_protocol::pairing::{
    ConfirmRequest, ConfirmResponse, ExchangeRequest, ExchangeResponse, Fingerprint, KeyExchange, PAIR_CODE,
    PAIR_CONFIRM, PAIR_QR, PairedResponse, PairingCode, PairingRefusal, QrRequest, Side,
};
use glasslink_protocol::{Cause, ErrorReport};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connection::{Answer, Connector, post};
use crate::pairing::PairError;

/// What the relay told, before it is known how its certificate is trusted.
pub(super) struct Told {
    pub(super) device: String,
    pub(super) key: String,
}

/// Shows the secret of a QR code.
pub(super) async fn by_secret(connector: &Connector, request: &QrRequest) -> Result<Told, PairError> {
    let PairedResponse { device, key } = ask(connector, PAIR_QR, request).await?;
    Ok(Told { device, key })
}

/// Proves to have the code, and has the relay prove it, both over the certificate that this end sees. `seen` is known
/// once the relay has answered.
pub(super) async fn by_code(
    connector: &Connector,
    code: &PairingCode,
    seen: impl Fn() -> Option<Fingerprint>,
    (name, client): (String, String),
) -> Result<Told, PairError> {
    let ours = KeyExchange::begin(Side::Device, code);
    let request = ExchangeRequest { message: ours.message().to_owned() };
    let ExchangeResponse { exchange: id, message } = ask(connector, PAIR_CODE, &request).await?;
    let certificate = seen();
    let exchange = ours.finish(&message).map_err(|_| PairError::NotTheRelay)?;
    let confirmation = exchange.confirmation(Side::Device, certificate).into_text();
    let request = ConfirmRequest { exchange: id, certificate, confirmation, name, client };
    let ConfirmResponse { device, key, confirmation } = ask(connector, PAIR_CONFIRM, &request).await?;
    // The second answer may have come over another connection than the first.
    if seen() != certificate || !exchange.confirms(Side::Relay, certificate, &confirmation) {
        return Err(PairError::NotTheRelay);
    }
    Ok(Told { device, key })
}

async fn ask<T: DeserializeOwned>(
    connector: &Connector,
    path: &str,
    request: &impl Serialize,
) -> Result<T, PairError> {
    let body = serde_json::to_vec(request)
        .map_err(|error| PairError::Unreachable { cause: Cause::ProtocolError, detail: error.to_string() })?;
    let Answer { status, retry_after, body } = post(connector, path, None, Bytes::from(body)).await?;
    let unreachable = |cause, detail: String| PairError::Unreachable { cause, detail };
    if status == 200 {
        return serde_json::from_slice(&body)
            .map_err(|error| unreachable(Cause::ProtocolError, error.to_string()));
    }
    if let Some(refusal) = PairingRefusal::decode(&body) {
        return Err(PairError::Refused(refusal));
    }
    match (status, ErrorReport::decode(&body)) {
        (429, _) => Err(PairError::TooOften(retry_after.unwrap_or(Duration::from_mins(1)))),
        (404, _) | (_, None) => Err(unreachable(Cause::HttpStatus(status), "no relay that pairs".into())),
        (_, Some(report)) => Err(PairError::Other(report)),
    }
}

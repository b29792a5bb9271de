//! What attackers, and those they attack, have in common.

use glasslink_relay::{AuditEntry, Keys, RelayHandle};
use serde_json::{Value, json};

use super::eventually;
use super::http::{bearer, send};

/// A device's key, by a QR code.
pub async fn paired(relay: &RelayHandle) -> (String, String) {
    let secret = serde_json::to_value(&relay.keys().offer_qr(None).unwrap().offer.secret).unwrap();
    let body = json!({ "secret": secret, "name": "phone" }).to_string();
    let answer = send(relay.local_addr(), "POST", "/v1/pair/qr", "", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    (text(&answer["device"]), text(&answer["key"]))
}

/// A token for a device's key.
pub async fn token(relay: &RelayHandle, key: &str) -> String {
    let answer = send(relay.local_addr(), "POST", "/v1/token", &bearer(key), "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.json()["token"])
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The first entry of this kind. It is written beside what it tells of.
pub async fn audited(keys: &Keys, event: &str) -> AuditEntry {
    let find = async || keys.audit().unwrap().into_iter().find(|entry| entry.event == event);
    eventually(&format!("{event} in the audit log"), find).await
}

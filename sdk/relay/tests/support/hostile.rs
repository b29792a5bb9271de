//! What attackers, and those they attack, have in common.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use glasslink_relay::{AuditEntry, Keys, RelayHandle};
use serde_json::{Value, json};

use super::raw;

/// A request with a JSON body: its status, and what came back.
pub async fn post(address: SocketAddr, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let answer = raw(address, &format!("{head}{body}")).await;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status.unwrap_or_else(|| panic!("no answer: {answer:?}")), body.unwrap_or_default())
}

/// A device's key, by a QR code.
pub async fn paired(relay: &RelayHandle) -> (String, String) {
    let secret = serde_json::to_value(&relay.keys().offer_qr(None).unwrap().offer.secret).unwrap();
    let body = json!({ "secret": secret, "name": "phone" }).to_string();
    let (status, answer) = post(relay.local_addr(), "/v1/pair/qr", None, &body).await;
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    (text(&answer["device"]), text(&answer["key"]))
}

/// A token for a device's key.
pub async fn token(relay: &RelayHandle, key: &str) -> String {
    let (status, answer) = post(relay.local_addr(), "/v1/token", Some(key), "").await;
    assert_eq!(status, 200, "{answer}");
    text(&serde_json::from_str::<Value>(&answer).unwrap()["token"])
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The first entry of this kind. It is written beside what it tells of; the clock of a test may stand still.
pub async fn audited(keys: &Keys, event: &str) -> AuditEntry {
    let begun = Instant::now();
    loop {
        if let Some(entry) = keys.audit().unwrap().into_iter().find(|entry| entry.event == event) {
            return entry;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{event} is not in the audit log");
        tokio::task::yield_now().await;
    }
}

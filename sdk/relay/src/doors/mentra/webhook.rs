//! Calls to an app.

use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request};
use glasslink_asr::outgoing::{Body, Bounds, Origin, Outgoing, OutgoingError, Trust};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::limits;
use super::messages::said;
use super::run::hex;
use crate::clock::unix_micros;
use crate::identity::Hash;

/// Tells an app that knows it who calls: `t=SECONDS,v1=HEX`, where HEX is HMAC-SHA-256 over `SECONDS.BODY`. The key is
/// the SHA-256 of the last 32 bytes of the app's key, which the relay has of it. Others pass over it.
pub(super) const SIGNATURE: &str = "x-glasslink-signature";

/// The way to one app.
pub(super) struct Caller {
    url: String,
    webhooks: Outgoing,
    probes: Outgoing,
    /// What the app's newest key is known by.
    signing: Option<Hash>,
}

/// What a look at an app's health came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// Nobody answers.
    Down,
    /// It answers; how many sessions it knows, where it says so.
    Up { sessions: Option<u64> },
}

/// Why a webhook came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// Nobody answers.
    Unreachable,
    /// It answered with an error, or not in time.
    Refused,
}

impl Caller {
    /// `None` where the address is none.
    pub(super) fn new(url: &str, signing: Option<Hash>) -> Option<Self> {
        let origin = Origin::of(&url.parse().ok()?).ok()?;
        // The operator registered it, neighbours and this machine too.
        let way = |answer: Duration| {
            let bounds = Bounds { connect: limits::WEBHOOK_CONNECT, answer, body: limits::WEBHOOK_BODY };
            Outgoing::new(vec![origin.clone()], true, bounds, Trust::default())
        };
        let (webhooks, probes) = (way(limits::WEBHOOK), way(limits::PROBE));
        Some(Self { url: url.to_owned(), webhooks, probes, signing })
    }

    /// Asks the app to come to `address`.
    pub(super) async fn begin(&self, session: &str, user: &str, address: &str) -> Result<(), Failed> {
        let body = json!({
            "type": "session_request",
            "sessionId": session,
            "userId": user,
            // Which of the three an SDK reads depends on its age.
            "websocketUrl": address,
            "mentraOSWebsocketUrl": address,
            "augmentOSWebsocketUrl": address,
        });
        self.post(body).await
    }

    /// Tells the app that it is stopped, and why.
    pub(super) async fn stop(&self, session: &str, user: &str, reason: &str) -> Result<(), Failed> {
        self.post(json!({ "type": "stop_request", "sessionId": session, "userId": user, "reason": reason }))
            .await
    }

    async fn post(&self, body: Value) -> Result<(), Failed> {
        let body = said(body);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/webhook", self.url))
            .header(CONTENT_TYPE, "application/json");
        if let Some(key) = &self.signing {
            request = request.header(SIGNATURE, signature(key, unix_micros() / 1_000_000, &body));
        }
        let request = request.body(Body::from(body)).map_err(|_| Failed::Unreachable)?;
        match self.webhooks.request(request).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(_) | Err(OutgoingError::Timeout { .. } | OutgoingError::TooLarge { .. }) => {
                Err(Failed::Refused)
            }
            Err(_) => Err(Failed::Unreachable),
        }
    }

    /// Whether the app is there. An answer of any kind says so.
    pub(super) async fn probe(&self) -> Health {
        let request = Request::builder().uri(format!("{}/health", self.url)).body(Body::default());
        let Ok(request) = request else { return Health::Down };
        match self.probes.request(request).await {
            Ok(answer) => {
                let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
                Health::Up { sessions: said.and_then(|said| said["activeSessions"].as_u64()) }
            }
            Err(OutgoingError::TooLarge { .. } | OutgoingError::Redirected { .. }) => {
                Health::Up { sessions: None }
            }
            Err(_) => Health::Down,
        }
    }
}

fn signature(key: &Hash, seconds: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("any length will do"));
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_keys_the_times_and_the_bodys() {
        let known = signature(&[7; 32], 1_700_000_000, "{}");
        assert!(known.starts_with("t=1700000000,v1=") && known.len() == "t=1700000000,v1=".len() + 64);
        assert_ne!(known, signature(&[8; 32], 1_700_000_000, "{}"));
        assert_ne!(known, signature(&[7; 32], 1_700_000_001, "{}"));
        assert_ne!(known, signature(&[7; 32], 1_700_000_000, "{ }"));
    }
}

//! What is said over `/app-ws`, in the words of Mentra.

use serde::Deserialize;
use serde_json::{Value, json};

use super::layouts::{Dashboard, DisplayEvent};
use crate::clock::timestamp;

/// A message of an app. Fields and types that nobody here needs are passed over.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(super) enum AppSays {
    TpaConnectionInit {
        /// SDK 3 says it in a header.
        session_id: Option<String>,
        package_name: String,
        api_key: String,
    },
    /// SDK 3, when it comes back.
    Reconnect {
        session_id: Option<String>,
    },
    SubscriptionUpdate {
        #[serde(default)]
        subscriptions: Vec<Value>,
    },
    DisplayEvent(DisplayEvent),
    DashboardContentUpdate(Dashboard),
    AudioPlayRequest(Request),
    PhotoRequest(Request),
    RgbLedControl(Request),
    Ping,
    #[serde(other)]
    Other,
}

/// Something that is asked for and answered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    #[serde(default)]
    pub(super) request_id: String,
}

/// What an app is told when it is let in.
pub(super) struct Acknowledged<'a> {
    pub(super) session: &'a str,
    /// A JSON array.
    pub(super) settings: &'a Value,
    pub(super) capabilities: Option<Value>,
}

impl Acknowledged<'_> {
    /// To the first message, or to `reconnect`.
    pub(super) fn say(&self, is_back: bool) -> String {
        let word = if is_back { "reconnect_ack" } else { "tpa_connection_ack" };
        said(json!({
            "type": word,
            "sessionId": self.session,
            "settings": self.settings,
            // Which of the two an SDK reads depends on its age.
            "mentraosSettings": {},
            "augmentosSettings": {},
            "capabilities": self.capabilities,
        }))
    }
}

pub(super) fn refused(code: &str, message: &str) -> String {
    said(json!({ "type": "tpa_connection_error", "code": code, "message": message }))
}

pub(super) fn settings_update(package: &str, settings: &Value) -> String {
    said(json!({ "type": "settings_update", "packageName": package, "settings": settings }))
}

pub(super) fn data_stream(session: &str, stream: &str, data: &Value) -> String {
    said(json!({ "type": "data_stream", "sessionId": session, "streamType": stream, "data": data }))
}

pub(super) fn capabilities_update(capabilities: &Value) -> String {
    let model = &capabilities["modelName"];
    said(json!({ "type": "capabilities_update", "capabilities": capabilities, "modelName": model }))
}

pub(super) fn device_state(state: &Value, is_full: bool) -> String {
    said(json!({ "type": "device_state_update", "state": state, "fullSnapshot": is_full }))
}

pub(super) fn permission_error(denied: &[(String, &'static str)]) -> String {
    let details: Vec<_> = denied
        .iter()
        .map(|(stream, permission)| {
            json!({
                "stream": stream,
                "requiredPermission": permission,
                "message": format!("the operator of this relay did not give the app the permission {permission}"),
            })
        })
        .collect();
    said(
        json!({ "type": "permission_error", "message": "some subscriptions were refused", "details": details }),
    )
}

/// What glasslink cannot do is said to be so, rather than left without an answer.
pub(super) fn cannot(kind: &str, Request { request_id }: &Request, what: &str) -> String {
    said(json!({ "type": kind, "requestId": request_id, "success": false, "error": what }))
}

pub(super) fn app_stopped(reason: &str) -> String {
    said(json!({ "type": "app_stopped", "reason": reason }))
}

pub(super) fn pong() -> String {
    said(json!({ "type": "pong" }))
}

/// With the time, as every message has it.
pub(super) fn said(mut message: Value) -> String {
    message["timestamp"] = timestamp().into();
    message.to_string()
}

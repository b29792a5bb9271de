use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use glasslink_protocol::Cause;
use serde_json::json;

use super::response::RequestId;

/// An answer to a request that is not served, in Deepgram's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

/// The code of every request whose parameters make no sense.
const BAD_REQUEST: &str = "Bad Request";

impl Refusal {
    /// A request that makes no sense.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: BAD_REQUEST, message: message.into() }
    }

    /// No engine is there, and none is to be expected.
    pub(super) fn no_engine(message: String) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "SERVICE_UNAVAILABLE", message }
    }

    pub(super) fn into_response(self, request: RequestId) -> Response {
        let Self { status, code, message } = self;
        let body = json!({ "err_code": code, "err_msg": message, "request_id": request.to_string() });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        let header = |text: &str| {
            HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("the request was refused"))
        };
        headers.insert("dg-error", header(&message));
        headers.insert("dg-request-id", header(&request.to_string()));
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(RETRY_AFTER, crate::limits::RETRY_AFTER.as_secs().into());
        }
        response
    }
}

impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        let (status, code, message) = match cause {
            Cause::Unauthorized => (StatusCode::UNAUTHORIZED, "INVALID_AUTH", "Invalid credentials."),
            Cause::Forbidden => (
                StatusCode::FORBIDDEN,
                "INSUFFICIENT_PERMISSIONS",
                "User does not have sufficient permissions.",
            ),
            Cause::RateLimited => (
                StatusCode::TOO_MANY_REQUESTS,
                "TOO_MANY_REQUESTS",
                "Too many requests. Please try again later",
            ),
            Cause::Overloaded | Cause::Restarting => (
                StatusCode::SERVICE_UNAVAILABLE,
                "SERVICE_UNAVAILABLE",
                "The service is temporarily unavailable. Please try again later",
            ),
            _ => (StatusCode::BAD_REQUEST, BAD_REQUEST, "The request is no WebSocket handshake."),
        };
        Self { status, code, message: message.to_owned() }
    }
}

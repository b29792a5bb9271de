use axum::Json;
use axum::http::header::{
    CONNECTION, HeaderName, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use glasslink_protocol::{Cause, ErrorReport};

use crate::limits;

/// An answer to a request that is not served, with an [`ErrorReport`] as its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    cause: Cause,
    message: Option<String>,
}

impl Refusal {
    pub(crate) fn new(cause: Cause) -> Self {
        Self { cause, message: None }
    }

    /// With a sentence of its own in place of the cause's.
    pub(crate) fn because(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: Some(message.into()) }
    }

    fn status(&self) -> StatusCode {
        match self.cause {
            Cause::Unauthorized => StatusCode::UNAUTHORIZED,
            Cause::Forbidden => StatusCode::FORBIDDEN,
            Cause::UnsupportedVersion => StatusCode::UPGRADE_REQUIRED,
            Cause::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Cause::Overloaded | Cause::Restarting => StatusCode::SERVICE_UNAVAILABLE,
            Cause::HttpStatus(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn report(&self) -> ErrorReport {
        let report = self.cause.report();
        match &self.message {
            Some(message) => ErrorReport { message: message.clone(), ..report },
            None => report,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(self.report())).into_response();
        let mut header = |name: HeaderName, value| {
            response.headers_mut().insert(name, value);
        };
        // The response ends the exchange: what else came on the connection is not looked at.
        match status {
            StatusCode::UNAUTHORIZED => header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            StatusCode::UPGRADE_REQUIRED => {
                header(UPGRADE, HeaderValue::from_static("websocket"));
                header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                header(CONNECTION, HeaderValue::from_static("upgrade"));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                header(RETRY_AFTER, limits::RETRY_AFTER.as_secs().into());
            }
            _ => {}
        }
        response
    }
}

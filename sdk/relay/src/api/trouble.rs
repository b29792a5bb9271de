use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use glasslink_protocol::{Category, ErrorReport, Retry, Severity};

use crate::catalog::CatalogError;
use crate::identity::AuditEvent;
use crate::limits;

/// A request that was not served: a status, a code for programs, and what to do about it.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    status: StatusCode,
    report: ErrorReport,
    audited: Option<AuditEvent>,
}

impl Trouble {
    pub(crate) fn new(
        status: StatusCode,
        code: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        let category = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Category::Credentials,
            _ if passing => Category::Relay,
            _ => Category::Protocol,
        };
        let (severity, retry) = if passing {
            (Severity::Warning, Retry::Automatic)
        } else {
            (Severity::Error, Retry::AfterRemedy)
        };
        let (message, remedy) = (message.into(), remedy.into());
        Self {
            status,
            report: ErrorReport {
                code: code.to_owned(),
                category,
                severity,
                retry,
                message,
                remedy,
                trace: None,
            },
            audited: None,
        }
    }

    /// In the audit log it is this, and not what its status says.
    #[must_use]
    pub(crate) fn audited(self, event: AuditEvent) -> Self {
        Self { audited: Some(event), ..self }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the relay does not know these credentials",
            "send the header `Authorization: Bearer TOKEN` with a token of this relay",
        )
    }

    /// It is not there, or not for these eyes: which, is not told.
    pub(crate) fn no_session() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no_session",
            "there is no such session",
            "look at /v1/sessions for those there are; one that is over is kept for as many days as the relay's \
             archive-days says",
        )
    }

    pub(super) fn parameter(name: &str, wanted: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_parameter",
            format!("the parameter {name} is not {wanted}"),
            format!("give {name} as {wanted}, or leave it out"),
        )
    }

    pub(crate) fn busy(what: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", what, "try again in a few seconds")
    }
}

impl From<CatalogError> for Trouble {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Refused(cause) => {
                tracing::error!(%cause, "the database refused a request");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "the relay could not answer",
                    "look at the relay's log",
                )
            }
            passing => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "database_unavailable",
                passing.to_string(),
                "try again in a few seconds; /readyz says what stands in the way",
            ),
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let Self { status, report, audited } = self;
        let mut response = (status, Json(report)).into_response();
        if let Some(event) = audited {
            response.extensions_mut().insert(event);
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, limits::RETRY_AFTER.as_secs().into());
        }
        response
    }
}

use std::time::Duration;

use hyper::StatusCode;

use crate::engine::EngineError;
use crate::outgoing::OutgoingError;

/// What a request that got no answer is to an engine.
pub(crate) fn outgoing(error: &OutgoingError) -> EngineError {
    let misconfigured =
        |remedy: &str| EngineError::Misconfigured { detail: error.to_string(), remedy: remedy.to_owned() };
    let not_allowed =
        |remedy: &str| EngineError::NotAllowed { detail: error.to_string(), remedy: remedy.to_owned() };
    match error {
        OutgoingError::Malformed => misconfigured("correct the engine's address"),
        OutgoingError::NotRegistered { .. } => not_allowed("correct the engine's address"),
        OutgoingError::Address { .. } => not_allowed(
            "if the engine is a machine of yours, allow it in its settings (`private = true`); link-local \
             addresses are never asked",
        ),
        OutgoingError::Unencrypted { .. } => not_allowed("use the engine's https:// address"),
        OutgoingError::Redirected { .. } => not_allowed("use the address it redirects to, if that is right"),
        OutgoingError::TooLarge { .. } => {
            not_allowed("look whether this is the engine; none has so much to say")
        }
        OutgoingError::Tls { .. } => misconfigured(
            "look at the engine's certificate and at this machine's clock; name an authority of your own in its \
             settings (`authority`)",
        ),
        OutgoingError::Resolve { .. } | OutgoingError::Connect { .. } => {
            EngineError::Unreachable { detail: error.to_string() }
        }
        OutgoingError::Timeout { within, .. } => EngineError::TimedOut { after: *within },
        OutgoingError::Broken { .. } => EngineError::Broken { detail: error.to_string() },
    }
}

/// What a status other than the one hoped for is to an engine.
pub(crate) fn answered(status: StatusCode, retry_after: Option<Duration>) -> EngineError {
    let detail = format!("it answers {}", status.as_u16());
    match status.as_u16() {
        401 | 403 => EngineError::Refused { detail, remedy: "put a valid key into its key file".to_owned() },
        402 => EngineError::Refused { detail, remedy: "look at the account behind the key".to_owned() },
        429 => EngineError::RateLimited { retry_after },
        408 | 500.. => EngineError::Unreachable { detail },
        300..=399 => EngineError::NotAllowed {
            detail: "it redirects, which is not followed".to_owned(),
            remedy: "use the address it redirects to, if that is right".to_owned(),
        },
        _ => EngineError::Misconfigured {
            detail,
            remedy: "look at the engine's address, model and language".to_owned(),
        },
    }
}

/// A few words of somebody else's, fit for a log.
pub(crate) fn quoted(words: &str) -> String {
    words.chars().filter(|letter| !letter.is_control()).take(120).collect()
}

use std::error::Error;
use std::io;
use std::time::Duration;

use glasslink_protocol::{Cause, CloseCode, ErrorReport};
use tokio_tungstenite::tungstenite::error::{Error as WebSocketError, ProtocolError};
use tokio_tungstenite::tungstenite::http::HeaderMap;
use tokio_tungstenite::tungstenite::http::header::RETRY_AFTER;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::credentials::CredentialsError;
use crate::pairing::TokenFailure;

/// Nobody is told to stay away for longer: a relay that says a year means "not now".
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Why an attempt failed or a connection ended, and how long the relay asked to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) retry_after: Option<Duration>,
    /// The host was reached, and this may come of something in between that lets no WebSocket through.
    pub(crate) blocked: bool,
    /// The relay has closed this connection over HTTP, and said why to whoever polled.
    pub(crate) is_over: bool,
    /// For the log.
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(cause: Cause, detail: &(impl ToString + ?Sized)) -> Self {
        Self { cause, retry_after: None, blocked: false, is_over: false, detail: detail.to_string() }
    }

    /// See [`Self::blocked`].
    pub(crate) fn blocked(cause: Cause, detail: &(impl ToString + ?Sized)) -> Self {
        Self { blocked: true, ..Self::new(cause, detail) }
    }

    pub(crate) fn dns(error: &io::Error) -> Self {
        Self::new(Cause::Dns, error)
    }

    pub(crate) fn io(error: &io::Error) -> Self {
        let cause = match error.kind() {
            io::ErrorKind::ConnectionRefused => Cause::ConnectionRefused,
            io::ErrorKind::TimedOut => Cause::Timeout,
            io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable => Cause::NetworkDown,
            _ => match tls_error(error) {
                Some(rustls::Error::InvalidCertificate(_)) => Cause::Certificate,
                Some(_) => Cause::Tls,
                None => Cause::Reset,
            },
        };
        Self::new(cause, error)
    }

    pub(crate) fn credentials(error: &CredentialsError) -> Self {
        let cause = match error {
            CredentialsError::Unavailable(error) => match error.downcast_ref::<TokenFailure>() {
                Some(TokenFailure(failure)) => return failure.clone(),
                None => Cause::CredentialsUnavailable,
            },
            CredentialsError::SignInNeeded => Cause::Unauthorized,
        };
        Self::new(cause, error)
    }

    pub(crate) fn websocket(error: &WebSocketError) -> Self {
        match error {
            WebSocketError::Io(error) => Self { blocked: true, ..Self::io(error) },
            WebSocketError::Http(response) => {
                let status = response.status().as_u16();
                // A relay that is asked without the upgrade, which something took away, says 426.
                let blocked = match status {
                    401 | 407 => false,
                    403 | 429 | 503 => {
                        let body = response.body().as_deref();
                        body.is_none_or(|body| ErrorReport::decode(body).is_none())
                    }
                    _ => true,
                };
                let retry_after = retry_after(response.headers());
                Self { retry_after, blocked, ..Self::new(Cause::from_http_status(status), &status) }
            }
            WebSocketError::ConnectionClosed
            | WebSocketError::AlreadyClosed
            | WebSocketError::Protocol(
                ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake,
            ) => Self::blocked(Cause::Reset, error),
            _ => Self::blocked(Cause::ProtocolError, error),
        }
    }

    /// A request was refused with `status`. `is_first`: of its connection.
    pub(crate) fn request(status: u16, headers: &HeaderMap, is_first: bool) -> Self {
        let cause = match status {
            410 => Cause::Reset,
            // Credentials that were good before are asked for anew.
            401 if !is_first => Cause::Reset,
            400 | 409 | 413 => Cause::ProtocolError,
            _ => Cause::from_http_status(status),
        };
        Self {
            retry_after: retry_after(headers),
            blocked: !matches!(status, 401 | 403 | 407 | 410 | 429 | 503),
            is_over: status == 410,
            ..Self::new(cause, &status)
        }
    }

    /// The TCP connection broke under a request, or what came over it was no answer.
    pub(crate) fn http(error: &hyper::Error) -> Self {
        let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        match io {
            Some(error) => Self { blocked: true, ..Self::io(error) },
            None if error.is_parse() => Self::blocked(Cause::ProtocolError, error),
            None => Self::blocked(Cause::Reset, error),
        }
    }

    /// The answer's body is not whole, or too large.
    pub(crate) fn cut_off(error: &(dyn Error + Send + Sync + 'static)) -> Self {
        match error.downcast_ref::<hyper::Error>() {
            Some(error) => Self::http(error),
            None => Self::blocked(Cause::ProtocolError, &error.to_string()),
        }
    }

    /// Where something in between may have said what is a relay's to say: nothing that ends the attempts.
    pub(crate) fn doubted(self) -> Self {
        let cause = match self.cause {
            Cause::Forbidden if self.blocked => Cause::HttpStatus(403),
            Cause::UnsupportedVersion if self.blocked => Cause::HttpStatus(426),
            cause => cause,
        };
        Self { cause, ..self }
    }

    /// The relay closed the connection.
    pub(crate) fn closed(frame: Option<&CloseFrame>) -> Self {
        match frame {
            Some(frame) => Self::new(CloseCode::cause(frame.code.into()), &frame.code),
            None => Self::ended(),
        }
    }

    /// The connection ended without a word.
    pub(crate) fn ended() -> Self {
        Self::blocked(Cause::Reset, "closed without a reason")
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Seconds only: relays and the proxies in front of them say no dates.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_cannot_send_its_clients_away_for_ever() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert(RETRY_AFTER, u64::MAX.to_string().parse().unwrap());
        assert_eq!(retry_after(&headers), Some(MAX_RETRY_AFTER));
        headers.insert(RETRY_AFTER, "tomorrow".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
    }

    #[test]
    fn every_close_code_has_its_cause_and_unknown_ones_are_a_misunderstanding() {
        for code in CloseCode::ALL {
            let frame = CloseFrame { code: code.code().into(), reason: "".into() };
            assert_eq!(Failure::closed(Some(&frame)).cause, CloseCode::cause(code.code()));
        }
        let frame = CloseFrame { code: 4999.into(), reason: "".into() };
        assert_eq!(Failure::closed(Some(&frame)).cause, Cause::ProtocolError);
    }
}

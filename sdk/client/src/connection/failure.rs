use std::io;
use std::time::Duration;

use glasslink_protocol::{Cause, CloseCode};
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::http::HeaderMap;
use tokio_tungstenite::tungstenite::http::header::RETRY_AFTER;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::credentials::CredentialsError;

/// Nobody is told to stay away for longer: a relay that says a year means "not now".
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Why an attempt failed or a connection ended, and how long the relay asked to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) retry_after: Option<Duration>,
    /// For the log.
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(cause: Cause, detail: &(impl ToString + ?Sized)) -> Self {
        Self { cause, retry_after: None, detail: detail.to_string() }
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
            CredentialsError::Unavailable(_) => Cause::CredentialsUnavailable,
            CredentialsError::SignInNeeded => Cause::Unauthorized,
        };
        Self::new(cause, error)
    }

    pub(crate) fn websocket(error: &Error) -> Self {
        match error {
            Error::Io(error) => Self::io(error),
            Error::Http(response) => {
                let status = response.status().as_u16();
                let cause = Cause::from_http_status(status);
                Self { retry_after: retry_after(response.headers()), ..Self::new(cause, &status) }
            }
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(
                ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake,
            ) => Self::new(Cause::Reset, error),
            _ => Self::new(Cause::ProtocolError, error),
        }
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
        Self::new(Cause::Reset, "closed without a reason")
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Seconds only: relays and the proxies in front of them say no dates.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
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

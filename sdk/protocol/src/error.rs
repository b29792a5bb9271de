use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a connection attempt failed or a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The relay's name does not resolve.
    Dns,
    /// The relay's port does not accept connections.
    ConnectionRefused,
    /// The connection was reset or closed by the other side.
    Reset,
    /// The connection was not established in time.
    Timeout,
    /// The TLS handshake failed.
    Tls,
    /// The relay's certificate is not trusted.
    Certificate,
    /// A proxy in between refused the connection.
    Proxy,
    /// The relay, or something in its place, answered the upgrade with this status.
    HttpStatus(u16),
    Overloaded,
    Restarting,
    Unauthorized,
    Forbidden,
    Superseded,
    RateLimited,
    UnsupportedVersion,
    ProtocolError,
    /// The program could not get the credentials it needs to connect.
    CredentialsUnavailable,
    /// The system says that there is no network.
    NetworkDown,
    /// The connection was open and nothing came back over it.
    Stalled,
    /// The program itself closed the link.
    LocalClose,
}

/// What kind of trouble it is, for grouping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    Network,
    Relay,
    Credentials,
    Protocol,
    Audio,
    Local,
}

/// How bad it is for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It heals by itself.
    Warning,
    /// Somebody has to do something.
    Error,
}

/// What a client does next by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// It tries again, without end.
    Automatic,
    /// It waits until somebody has done what the remedy says.
    AfterRemedy,
}

/// An error as it crosses the wire and reaches programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// Stable, for programs: `unauthorized`, `too_many_streams`.
    pub code: String,
    pub category: Category,
    pub severity: Severity,
    pub retry: Retry,
    /// One sentence for a person: what is wrong.
    pub message: String,
    /// One sentence for a person: what to do about it.
    pub remedy: String,
    /// What to search the relay's logs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

impl Cause {
    /// Whether the client stops retrying until somebody acts on the remedy (P5).
    pub fn is_terminal(self) -> bool {
        self.retry() == Retry::AfterRemedy
    }

    pub fn retry(self) -> Retry {
        match self {
            Self::Unauthorized
            | Self::Forbidden
            | Self::UnsupportedVersion
            | Self::Superseded
            | Self::LocalClose => Retry::AfterRemedy,
            _ => Retry::Automatic,
        }
    }

    pub fn category(self) -> Category {
        match self {
            Self::Dns
            | Self::ConnectionRefused
            | Self::Reset
            | Self::Timeout
            | Self::Tls
            | Self::Certificate
            | Self::Proxy
            | Self::NetworkDown
            | Self::Stalled => Category::Network,
            Self::HttpStatus(_) | Self::Overloaded | Self::Restarting | Self::RateLimited => Category::Relay,
            Self::Unauthorized | Self::Forbidden | Self::CredentialsUnavailable => Category::Credentials,
            Self::UnsupportedVersion | Self::ProtocolError | Self::Superseded => Category::Protocol,
            Self::LocalClose => Category::Local,
        }
    }

    pub fn severity(self) -> Severity {
        match self.retry() {
            Retry::Automatic => Severity::Warning,
            Retry::AfterRemedy => Severity::Error,
        }
    }

    /// What an upgrade answered with HTTP `status` means.
    pub fn from_http_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            407 => Self::Proxy,
            426 => Self::UnsupportedVersion,
            429 => Self::RateLimited,
            503 => Self::Overloaded,
            status => Self::HttpStatus(status),
        }
    }

    /// Stable name, for programs and logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::ConnectionRefused => "connection_refused",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::Proxy => "proxy",
            Self::HttpStatus(_) => "http_status",
            Self::Overloaded => "overloaded",
            Self::Restarting => "restarting",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Superseded => "superseded",
            Self::RateLimited => "rate_limited",
            Self::UnsupportedVersion => "unsupported_version",
            Self::ProtocolError => "protocol_error",
            Self::CredentialsUnavailable => "credentials_unavailable",
            Self::NetworkDown => "network_down",
            Self::Stalled => "stalled",
            Self::LocalClose => "local_close",
        }
    }

    /// One sentence for a person: what to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Dns => "Check the relay's address and the name server.",
            Self::ConnectionRefused => "Check that a relay runs there: `glasslink-relay serve` starts one.",
            Self::Reset | Self::Stalled | Self::Timeout => "Check the network; the link keeps trying.",
            Self::Tls => "Check that the address has the relay's scheme: https:// for TLS, http:// without.",
            Self::Certificate => "Trust the relay's certificate, or give its authority as an extra root.",
            Self::Proxy => "Check the proxy's address and credentials.",
            Self::HttpStatus(_) => "Check that the address is a relay's; something else answered.",
            Self::Overloaded | Self::RateLimited => "Wait; the link tries again when the relay asked it to.",
            Self::Restarting => "Wait; the relay is about to be back.",
            Self::Unauthorized => {
                "Pair this device again (`glasslink-relay pair` at the relay), or give a valid token; the same session goes on."
            }
            Self::Forbidden => "Ask whoever runs the relay for access, or use a session of your own.",
            Self::Superseded => {
                "Another program attached to this session. Take it back explicitly to go on here."
            }
            Self::UnsupportedVersion => "Update the older of client and relay.",
            Self::ProtocolError => "Update client and relay; report it if both are current.",
            Self::CredentialsUnavailable => "Check the service that issues them; it is asked again.",
            Self::NetworkDown => "Connect this device to a network.",
            Self::LocalClose => "Open a new link.",
        }
    }

    pub fn report(self) -> ErrorReport {
        ErrorReport {
            code: self.code().into(),
            category: self.category(),
            severity: self.severity(),
            retry: self.retry(),
            message: self.to_string(),
            remedy: self.remedy().into(),
            trace: None,
        }
    }
}

impl ErrorReport {
    /// The report in the body of a refusal; `None` where something else than a relay refused.
    pub fn decode(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "the relay's name does not resolve",
            Self::ConnectionRefused => "the relay refuses connections",
            Self::Reset => "the connection was closed",
            Self::Timeout => "the relay did not answer in time",
            Self::Tls => "the TLS handshake failed",
            Self::Certificate => "the relay's certificate is not trusted",
            Self::Proxy => "a proxy refused the connection",
            Self::HttpStatus(status) => return write!(f, "the address answered with HTTP status {status}"),
            Self::Overloaded => "the relay is overloaded",
            Self::Restarting => "the relay is restarting",
            Self::Unauthorized => "the relay refused the credentials",
            Self::Forbidden => "the relay does not allow this",
            Self::Superseded => "another program attached to this session",
            Self::RateLimited => "the relay limits how often one may connect",
            Self::UnsupportedVersion => "client and relay speak different versions",
            Self::ProtocolError => "client and relay did not understand each other",
            Self::CredentialsUnavailable => "the credentials could not be obtained",
            Self::NetworkDown => "there is no network",
            Self::Stalled => "the connection went silent",
            Self::LocalClose => "the link was closed here",
        })
    }
}

use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;

/// Why a request was not made, or has no answer. Nothing in it comes from the path, the headers or the answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OutgoingError {
    /// Write it as `https://api.example/v1`, without credentials.
    #[error("the address is not a web address, or has credentials in it")]
    Malformed,
    /// Nobody registered where it would go.
    #[error("{origin} is not registered")]
    NotRegistered { origin: String },
    /// The name leads to a neighbour, or to where no request may go.
    #[error("{host} leads to {address}, which is not a public address")]
    Address { host: String, address: IpAddr },
    /// It would cross the internet unencrypted. Use `https`.
    #[error("{origin} is not encrypted")]
    Unencrypted { origin: String },
    /// The name has no address.
    #[error("{host} has no address: {detail}")]
    Resolve { host: String, detail: String },
    /// Nobody answers there.
    #[error("{origin} cannot be reached: {detail}")]
    Connect { origin: String, detail: String },
    /// Its certificate is not to be trusted, or it does not speak TLS.
    #[error("{origin} cannot be trusted: {detail}")]
    Tls { origin: String, detail: String },
    /// It took longer than it may.
    #[error("{origin} did not answer within {} s", within.as_secs_f32())]
    Timeout { origin: String, within: Duration },
    /// It answered by sending the request elsewhere.
    #[error("{origin} redirects, which is not followed")]
    Redirected { origin: String },
    /// Its answer is larger than it may be.
    #[error("{origin} answered more than {most} bytes")]
    TooLarge { origin: String, most: usize },
    /// Its answer broke off, or is not HTTP.
    #[error("{origin} gave half an answer: {detail}")]
    Broken { origin: String, detail: String },
}

use std::time::Duration;

use glasslink_protocol::pairing::{PairingCodeError, PairingOfferError, PairingRefusal};
use glasslink_protocol::{Cause, ErrorReport};

use crate::address::AddressError;
use crate::connection::{Failure, ProxyError};

/// Why a device was not paired. Nothing is kept, at neither end, but that a try was used up.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// The address is not a relay's.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// What was read is no pairing code.
    #[error(transparent)]
    Offer(#[from] PairingOfferError),
    /// What was typed is no pairing code.
    #[error(transparent)]
    Code(#[from] PairingCodeError),
    /// A proxy's address is not one.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// Over an address without TLS, the device's key would be shown to the network. Use the `https` address.
    #[error("{0} is not encrypted: use the relay's https address")]
    NotEncrypted(String),
    /// The relay cannot be reached, or what answers is none.
    #[error("{cause} ({detail}). {}", cause.remedy())]
    Unreachable {
        /// Why.
        cause: Cause,
        /// In the words of whoever noticed.
        detail: String,
    },
    /// The certificate at this address is not the one that the QR code tells of: somebody is between this device and the
    /// relay, or the relay has another one by now. Nothing was shown to them. Make a new QR code; if it happens again,
    /// pair in another network.
    #[error(
        "somebody is between this device and the relay, or the QR code is old: nothing was shown to them; make a new code"
    )]
    AnotherCertificate,
    /// What answered does not have the code. It learned nothing but that one guess was wrong.
    #[error(
        "what answered is not the relay that showed the code: nothing was shown to it; check the address"
    )]
    NotTheRelay,
    /// The relay refused.
    #[error("{0}. {remedy}", remedy = .0.remedy())]
    Refused(PairingRefusal),
    /// Too many tries from here. Wait.
    #[error("the relay was asked too often: try again in {} s", .0.as_secs())]
    TooOften(Duration),
    /// The relay said something else: update the older of both.
    #[error("{} {}", .0.message, .0.remedy)]
    Other(ErrorReport),
}

impl From<Failure> for PairError {
    fn from(failure: Failure) -> Self {
        Self::Unreachable { cause: failure.cause, detail: failure.detail }
    }
}

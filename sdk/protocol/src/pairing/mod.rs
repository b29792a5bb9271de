//! How a device comes to know a relay, and the relay it: what they say to each other, and what a person carries between
//! them. `SPEC.md`, section 15.

mod code;
mod exchange;
mod fingerprint;
mod messages;
mod offer;

pub use code::{PairingCode, PairingCodeError};
pub use exchange::{Confirmation, Exchange, ExchangeError, KeyExchange, Side};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use messages::{
    ConfirmRequest, ConfirmResponse, ExchangeId, ExchangeRequest, ExchangeResponse, MAX_PAIRING_BODY_BYTES,
    PAIR_CODE, PAIR_CONFIRM, PAIR_QR, PairedResponse, PairingRefusal, QrRequest, TOKEN, TokenResponse,
};
pub use offer::{OfferSecret, PairingOffer, PairingOfferError};

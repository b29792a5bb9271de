//! How a device comes to know a relay: by the QR code, or the typed code, that `glasslink-relay pair` shows.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use glasslink::Link;
//! use glasslink::pairing::{Pairing, pair_with_code};
//!
//! let pairing = pair_with_code("https://192.168.1.5:7700", "K7QF-2M9X", "Ann's phone").await?;
//! // A secret: the keychain is the place for it.
//! let stored = pairing.to_secret_text();
//!
//! let pairing: Pairing = stored.parse()?;
//! let (link, events) = Link::builder(pairing.url()).paired(&pairing).connect()?;
//! # Ok(())
//! # }
//! ```
//!
//! The device gets a key of its own, which is good for tokens of an hour and nothing else, until the relay's operator
//! revokes it or it was not used for 180 days. [`LinkBuilder::paired`](crate::LinkBuilder::paired) fetches tokens,
//! renews them while the link is live, and trusts the relay's own certificate and no other. Where that certificate is a
//! public authority's for that name, the platform's trust is taken instead, so that it may be renewed.

mod device;
mod error;
mod exchange;
mod pair;
mod stored;

pub(crate) use device::DeviceCredentials;
pub(crate) use device::TokenFailure;
pub use error::PairError;
pub use pair::{Pair, pair_with_code, pair_with_qr};
pub use stored::{Pairing, PairingTextError};

pub use glasslink_protocol::pairing::{
    Fingerprint, PairingCode, PairingCodeError, PairingOffer, PairingOfferError, PairingRefusal,
};

//! Requests to other machines, by rules that nobody whom the relay listens to can bend.
//!
//! They go to registered origins only. Each name is resolved once, every address it has is checked, and the connection
//! goes to one of exactly those: a name that moves between check and connection moves nothing. No redirect is followed,
//! no proxy is asked, nothing is decompressed, and every answer is bounded in size and time.

mod address;
mod answer;
mod connection;
mod error;
mod origin;
#[cfg(test)]
mod tests;
mod trust;

pub use answer::{Answer, Body};
pub(crate) use connection::Wire;
pub use connection::{Bounds, Outgoing};
pub use error::OutgoingError;
pub use origin::Origin;
pub use trust::Trust;

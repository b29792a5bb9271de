//! The Glasslink reference relay: takes audio from clients over a link that may break at any time, and gives back
//! what was said.
//!
//! The binary `glasslink-relay serve` is a thin shell over [`Relay`], which fits into tests and other programs:
//!
//! ```
//! use glasslink_relay::Relay;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), glasslink_relay::StartError> {
//! let relay = Relay::builder().token("for my eyes only").start().await?;
//! println!("clients connect to {}", relay.url());
//! relay.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod api;
mod builder;
mod catalog;
mod clock;
mod dashboard;
mod database;
mod doors;
mod fanout;
mod figures;
mod handle;
mod identity;
mod jobs;
mod limits;
mod memory;
mod registry;
mod server;
mod session;
mod shared;
mod speech;
mod store;

pub use builder::{Relay, RelayBuilder, StartError};
pub use dashboard::{TicketError, ticket};
pub use handle::RelayHandle;
pub use identity::{
    AppEntry, AuditEntry, AuditEvent, CodeOffer, Device, Keys, KeysError, Lockdown, NewAppKey, OfferState,
    Permission, QrOffer, Webhook,
};
pub use server::{Network, NetworkError, TlsError};
pub use store::DataError;

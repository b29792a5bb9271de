//! Who is let in, how that is shown, and what happened.

mod apps;
mod audit;
mod clerk;
mod credentials;
mod database;
mod devices;
mod keys;
mod limits;
mod offers;
mod quota;
mod secret;
mod snapshot;
mod webhook;
mod who;

pub use apps::{AppEntry, NewAppKey};
pub(crate) use audit::AuditNote;
pub use audit::{AuditEntry, AuditEvent};
pub(crate) use clerk::Audit;
pub(crate) use credentials::{Credentials, Grant, claimed};
pub use database::KeysError;
pub use devices::Device;
pub use keys::{Keys, Lockdown};
pub(crate) use limits::{OFFER, SESSIONS_EACH};
pub(crate) use offers::Newcomer;
pub use offers::{CodeOffer, OfferState, QrOffer};
pub(crate) use quota::{Of, Quotas, Rate, Share};
pub(crate) use secret::{Hash, Secret};
pub use webhook::{Permission, Webhook};
pub(crate) use who::{App, Identity, PeerId, UnknownIdentity};

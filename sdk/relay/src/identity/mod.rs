//! Who is who, and how it is shown.

mod credentials;
#[allow(dead_code, reason = "the doors for apps and devices use it")]
mod who;

pub(crate) use credentials::{Credentials, Grant, Secret};
pub(crate) use who::{Identity, UnknownIdentity};

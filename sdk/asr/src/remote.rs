//! What engines on other machines have in common.

mod config;
mod feed;
mod trouble;
mod worker;

pub(crate) use config::Site;
pub use config::{Remote, RemoteError};
pub(crate) use feed::{Fed, Feed};
pub(crate) use trouble::{answered, outgoing, quoted};
pub(crate) use worker::Worker;

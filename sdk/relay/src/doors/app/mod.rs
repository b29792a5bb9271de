//! The door for apps, `/v1/app`: `glasslink.v1` for those who listen. An app sees sessions, and has no part in them.

mod connection;
mod dialect;
mod limits;
mod outbox;
mod queue;
mod upgrade;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

pub(crate) use connection::command;
pub(crate) use dialect::Dialect;
pub(crate) use outbox::{FromApp, Outbox};
pub(crate) use queue::{Audio, Queue};
pub(crate) use upgrade::authorization;

use crate::shared::Shared;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/v1/app", get(upgrade::upgrade))
}

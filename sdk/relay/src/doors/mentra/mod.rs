//! The door for apps that are built on the SDK of Mentra: webhooks out, `/app-ws` in. README.md says what is spoken.

mod connection;
mod device;
mod dialect;
mod directory;
mod entry;
mod health;
mod keeper;
mod layouts;
mod limits;
mod messages;
mod run;
mod subscriptions;
mod upgrade;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub(crate) use directory::Mentra;
use keeper::Ask;

use crate::shared::Shared;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/app-ws", get(upgrade::upgrade))
        .route("/api/glasslink/ready", post(directory::ready))
}

//! Omi's `/v4/listen`, for its apps and for whatever else speaks its protocol. README.md says what of it is spoken.

mod audio;
mod connection;
mod limits;
mod query;
mod response;
mod segments;
mod upgrade;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::shared::Shared;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/v4/listen", get(upgrade::upgrade))
}

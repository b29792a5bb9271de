//! Deepgram's live transcription, `/v1/listen`: for its own SDKs and for whatever else speaks its protocol. README.md says
//! what of it is spoken.

mod audio;
mod connection;
mod key;
mod limits;
mod query;
mod refusal;
mod request;
mod response;
mod upgrade;
mod utterances;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

pub(crate) use key::of_subprotocols;

use crate::shared::Shared;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/v1/listen", get(upgrade::upgrade))
}

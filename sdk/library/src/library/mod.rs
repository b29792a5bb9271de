//! The library itself, a file for each thing it does.

mod api;
mod delete;
mod edit;
mod refresh;
mod stamp;

pub use api::Library;
pub(crate) use api::now_ms;
pub use refresh::Refreshed;

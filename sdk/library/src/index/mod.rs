//! The index: what is in the recordings, so that listing and searching open none of them.
//!
//! It is derived, and made again where it is lost or damaged.

mod database;
mod query;
mod rows;
mod schema;
mod search;

pub use database::IndexError;
pub use search::{Hit, HitKind, SearchResults};

pub(crate) use database::Index;
pub(crate) use rows::Row;

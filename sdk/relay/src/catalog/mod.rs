//! What sessions there are and were, whose, and what was said in them: a record of the session files that can be
//! asked, beside them.
//!
//! A live session's actor is the authority: what changes has a version, and goes to the [`Catalog`] in order
//! ([`Record`]). A session that is over is what its files say. The [`Housekeeper`] compares both with the catalogue when
//! the relay starts, every minute, and when the catalogue had to be made again.

mod feed;
mod housekeeper;
mod reconcile;
mod record;
mod rows;
mod sqlite;
mod types;

pub(crate) use feed::{Feed, Happened, What};
pub(crate) use housekeeper::Housekeeper;
pub(crate) use record::Record;
pub(crate) use sqlite::SqliteCatalog;
pub(crate) use types::{
    Catalog, CatalogError, ChangeRow, EventRow, Found, Page, SessionKey, SessionRow, SessionState, StreamRow,
};

//! `relay.db`: one `SQLite` file in the data folder, for whoever in the relay has tables.
//!
//! One thread writes, from a bounded queue, in order; readers have connections of their own. A database that is down,
//! locked or full holds nobody up: what is written waits, the oldest goes first when it is too much, and it is tried
//! again until it works. One that is damaged or gone is set aside and made anew, empty: whoever has tables hears of it
//! by [`Database::news`] and fills them from what is true elsewhere.
//!
//! A table of one's own is a migration behind the last: `migrations/NNN_name.sql`, listed in `migrations.rs`.

mod error;
mod file;
mod handle;
mod health;
mod migrations;
mod queue;
mod readers;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use error::DatabaseError;
pub(crate) use handle::Database;
pub(crate) use health::{Health, News};

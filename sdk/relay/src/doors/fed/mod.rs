//! What doors share whose clients know nothing of sessions: each connection has one of its own, which the door feeds.
//! To the session a door is a client like any other, on a connection that cannot break.

mod connection;
mod feed;
mod said;
mod track;
mod tracks;

pub(crate) use connection::FedConnection;
pub(super) use feed::{Feed, Stranger};
pub(super) use said::Said;
pub(super) use track::{Split, Track};
pub(super) use tracks::{At, PROGRESS, Tracks};

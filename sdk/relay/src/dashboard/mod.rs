//! The dashboard that the relay serves itself, at `/dashboard`: what is live, how good the links are, and what happened
//! to one session.
//!
//! Static files in the binary, and the API of [`crate::api`] again, for who is logged in. A login is made with a token, or
//! with a link that is good once (`glasslink-relay dashboard`), and is a cookie that no script reads and no other site
//! sends; whatever changes something wants a token besides, that only a page of ours can have read.

mod files;
mod live;
mod login;
mod logins;
mod overview;
mod routes;
mod ticket;

pub(crate) use logins::{Logins, caller};
pub(crate) use routes::routes;
pub use ticket::{TicketError, ticket};

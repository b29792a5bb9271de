//! The door over HTTP: messages come by numbered POSTs, and are answered to a long poll.
//!
//! A connection is its [`Exchange`], which requests on any number of TCP connections find by its id. Each POST and each
//! answer has a number, so that what is sent again after a loss is neither taken nor missed twice.

mod connection;
mod exchange;
mod exchanges;
mod requests;

pub(crate) use connection::HttpConnection;
pub(crate) use exchanges::Exchanges;
pub(crate) use requests::{down, renew, up};

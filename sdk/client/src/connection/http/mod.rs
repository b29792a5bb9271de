//! A connection over HTTP: messages go up by numbered POSTs, and come down as answers to a long poll.

mod lane;
mod renew;
mod socket;

pub(super) use renew::renew;
pub(crate) use socket::HttpSocket;

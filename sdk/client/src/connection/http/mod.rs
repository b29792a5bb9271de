//! A connection over HTTP: messages go up by numbered POSTs, and come down as answers to a long poll.

mod lane;
mod post;
mod renew;
mod socket;

pub(crate) use post::{Answer, post};
pub(super) use renew::renew;
pub(crate) use socket::HttpSocket;

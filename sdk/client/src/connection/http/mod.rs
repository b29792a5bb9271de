//! A connection over HTTP: messages go up by numbered POSTs, and come down as answers to a long poll.

mod lane;
mod socket;

pub(crate) use socket::HttpSocket;

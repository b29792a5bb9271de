//! Our own door, `/v1/link`: `glasslink.v1` over WebSocket.

mod connection;
mod hello;
mod upgrade;

pub(crate) use connection::{Connection, Incoming, close};
pub(crate) use upgrade::upgrade;

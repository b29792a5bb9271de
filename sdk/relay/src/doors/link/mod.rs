//! Our own door, `/v1/link`: `glasslink.v1` over WebSocket, and over HTTP where that is blocked.

mod connection;
mod hello;
pub(crate) mod http;
mod trace;
mod upgrade;
mod websocket;

pub(crate) use connection::{Connection, Incoming, close};
pub(crate) use trace::Trace;
pub(crate) use upgrade::{accept_key, handshake, switch, switch_to, upgrade, values};
pub(crate) use websocket::WebSocket;

//! One connection: how it is opened, what it carries, and what its failures mean.

mod dial;
mod failure;
mod http;
mod open;
mod pin;
mod proxy;
mod renewal;
mod socket;
mod tls;
mod transport;
mod websocket;

pub(crate) use failure::Failure;
pub(crate) use glasslink_session::Transport;
pub(crate) use http::{Answer, post};
pub(crate) use open::Connector;
pub(crate) use pin::Pin;
pub(crate) use proxy::Proxies;
pub use proxy::ProxyError;
pub(crate) use renewal::{Held, keep_renewed};
pub(crate) use socket::{Incoming, Socket};
pub use tls::RootError;
pub(crate) use tls::Roots;
pub(crate) use transport::{Chooser, WEBSOCKET_RETRY};

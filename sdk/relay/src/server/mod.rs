mod guard;
mod guessing;
mod listen;
mod proxies;
mod refusal;
mod routes;
mod tls;
mod transport;

pub(crate) use guard::{Guard, is_loopback};
pub(crate) use guessing::{Guessing, watch};
pub(crate) use listen::{Listener, Place, accept};
pub(crate) use proxies::Proxies;
pub use proxies::{Network, NetworkError};
pub(crate) use refusal::Refusal;
pub(crate) use routes::router;
pub use tls::TlsError;
pub(crate) use tls::{Certificate, TlsFiles, own};
pub(crate) use transport::Transport;

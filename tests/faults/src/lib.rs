//! A TCP proxy that fails as it is told, between a client and its relay.
//!
//! Rules say what goes wrong, for which connections and how often; a log says what came through and what was done to
//! it. Tests in Rust use this library; those in other languages use the same things over HTTP (`glasslink-faults
//! --help`, README.md).
//!
//! ```
//! use std::time::Duration;
//! use glasslink_faults::{Fault, Proxy, Rule, What};
//! use tokio::io::AsyncReadExt;
//! use tokio::net::{TcpListener, TcpStream};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let upstream = TcpListener::bind("127.0.0.1:0").await?;
//! let proxy = Proxy::builder(upstream.local_addr()?).start()?;
//!
//! proxy.add(Rule::new(Fault::Reset).times(1));
//! let mut client = TcpStream::connect(proxy.address()).await?;
//! let error = client.read_u8().await.unwrap_err();
//! assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
//!
//! let closed = proxy.wait(0, Duration::from_secs(5), |event| matches!(event.what, What::Closed { .. })).await;
//! assert!(closed.is_some());
//! # Ok(())
//! # }
//! ```

mod backend;
mod connection;
mod control;
mod head;
mod hub;
mod listener;
mod log;
mod proxy;
mod pump;
mod rule;
mod tls;
mod watch;
mod wire;

pub use control::control;
pub use hub::{Open, Standing};
pub use log::{By, ConnectionId, Event, RuleId, What};
pub use proxy::{Builder, Proxy, StartError};
pub use rule::{Direction, Fault, How, Rule, RuleError, When};

mod backoff;
mod buffer;
mod config;
mod event;
mod inbound;
mod liveness;
mod outbound;
mod restore;
mod room;
mod session;
mod state;
mod stream;

pub use config::{ClientConfig, StreamOptions, WhenFull};
pub use event::{Action, ConnectionId, Event, FetchedError, OpenError, PushError};
pub use restore::{JournaledRun, JournaledStream};
pub use session::ClientSession;
pub use state::{LinkState, LinkStats};

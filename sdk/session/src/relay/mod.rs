mod event;
mod history;
mod inbound;
mod restore;
mod session;
mod stream;
mod wearing;

pub use event::{AttachError, Attachment, Hello, RelayAction, RelayEvent};
pub use restore::{RestoredSession, RestoredStream};
pub use session::{RelayConfig, RelaySession};
pub use stream::RelayStreamSums;

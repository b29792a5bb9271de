//! Keeps speech flowing to a relay, whatever the network does.

mod address;
mod attach;
mod builder;
mod clock;
mod connection;
mod credentials;
mod driver;
mod events;
mod link;
mod shared;
mod stream;
mod wait;

pub use address::{AddressError, RelayAddress};
pub use attach::{AttachError, AttachedSource};
pub use builder::{ConnectError, LinkBuilder};
pub use connection::RootError;
pub use credentials::{Credentials, CredentialsError, Token, TokenError, TokenFuture};
pub use events::{Events, Lagged};
pub use link::Link;
pub use shared::Engine;
pub use stream::AudioStream;
pub use wait::{FinishError, WaitLiveError};

pub use glasslink_audio as audio;
pub use glasslink_protocol::{
    Cause, EngineState, Epoch, ErrorReport, EventNumber, Final, FrameIndex, Gap, GapCause, Partial,
    SessionId, StreamFormat, StreamId, StreamSums, TranscriptEvent, Word,
};
pub use glasslink_session::{
    ClientConfig, Event, LinkState, LinkStats, OpenError, PushError, StreamOptions, WhenFull,
};
pub use glasslink_transcript as transcript;

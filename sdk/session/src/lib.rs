//! The Glasslink link as a state machine, both halves: [`ClientSession`] and [`RelaySession`].
//!
//! No I/O, no clock, no threads: methods take an event and the time, and the caller drains actions (send these
//! bytes, connect, fetch these frames, tell this event) and arms one timer. Random numbers come from a seed. Both
//! halves of a link, a bad pipe between them and the clock so fit in one thread:
//!
//! ```
//! use std::time::Duration;
//!
//! use glasslink_protocol::{CloseCode, SessionId, StreamFormat};
//! use glasslink_session::{Action, ClientConfig, ClientSession, Event, LinkState, StreamOptions, Timestamp};
//!
//! let now = Timestamp::ZERO;
//! let mut client = ClientSession::new(ClientConfig::default(), SessionId(1), 42);
//! let microphone = client.open_stream(now, StreamFormat::lc3(16_000, 20)?, StreamOptions::default())?;
//! client.push(now, microphone, &[0; 20])?;
//! client.connect(now);
//!
//! assert!(matches!(client.poll_action(), Some(Action::Event(Event::State(LinkState::Connecting { .. })))));
//! assert!(matches!(client.poll_action(), Some(Action::Connect { .. })));
//! assert_eq!(client.sums(microphone).unwrap().buffered, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
pub mod defaults;
mod relay;
mod time;
mod timeline;

pub use client::{
    Action, AudioCounts, ClientConfig, ClientSession, ConnectionId, Event, FetchedError, JournaledRun,
    JournaledStream, LinkState, LinkStats, NotLive, OpenError, PushError, StreamOptions, WhenFull,
};
pub use relay::{
    AttachError, Attachment, Hello, RelayAction, RelayConfig, RelayEvent, RelaySession, RelayStreamSums,
    RestoredSession, RestoredStream,
};
pub use time::Timestamp;
pub use timeline::{
    Happening, LinkRecorder, LinkTimeline, LinkTimelineError, Network, TimelineEntry, Transport, Trouble,
};

//! Keeps speech flowing to a relay, whatever the network does, and brings back what was said.
//!
//! A [`Link`] is one session with a relay. It connects, notices within 2 s when the connection died, comes back, sends
//! what the relay did not keep, and accounts for every frame: `captured = acknowledged + buffered + lost`. Pushing
//! never blocks; what is lost all the same is a [`Gap`] that says how much and why.
//!
//! ```
//! use glasslink::audio::{Lc3Source, Pace, SampleSource};
//! use glasslink::{Event, Link, StreamFormat, StreamOptions, TranscriptEvent};
//! # use glasslink_relay::Relay;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let relay = Relay::builder().start().await?;
//! # let relay_url = relay.url();
//! // "https://relay.example", and `.token("...")` where the relay wants one.
//! let (link, mut events) = Link::builder(relay_url).client_name("example 1.0").connect()?;
//! tokio::spawn(async move {
//!     while let Some(event) = events.next().await {
//!         match event {
//!             Ok(Event::State(state)) => println!("link: {}", state.name()),
//!             Ok(Event::Partial(partial)) => println!("… {}", partial.text),
//!             Ok(Event::Transcript { event: TranscriptEvent::Final(said), .. }) => println!("{}", said.text),
//!             Ok(Event::Gap(gap)) => println!("{} ms: {}", gap.ms, gap.cause.words()),
//!             Ok(_) => {}
//!             Err(lagged) => println!("{lagged}"),
//!         }
//!     }
//! });
//!
//! // Frames of your own, from any thread ...
//! let stream = link.open(StreamFormat::pcm(16_000)?, StreamOptions::default())?;
//! for _ in 0..10 {
//!     stream.push(&[0; 320])?;
//! }
//! stream.end();
//!
//! // ... or a source: a file, a microphone, glasses.
//! let second = SampleSource::new(vec![0; 16_000], 16_000, Pace::UNPACED)?;
//! link.attach(Lc3Source::new(second, 20)?, StreamOptions::default())?.ended().await?;
//!
//! match link.finish().await {
//!     Ok(()) => println!("everything is kept and transcribed"),
//!     Err(error) => println!("{error}"),
//! }
//! assert_eq!(link.stats().acknowledged, 110);
//! link.close().await;
//! # relay.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | be known to a relay by a code, and nobody else | [`pairing`], [`LinkBuilder::paired`] |
//! | show what the link is doing | [`Link::watch_state`], [`Link::watch_stats`] |
//! | have the transcript with its gaps | [`Link::transcript`], and [`transcript::export`] |
//! | see or decide what carries it | [`Link::watch_transport`], [`LinkBuilder::transport`] |
//! | go through a proxy, or through none | [`LinkBuilder::proxy`], [`LinkBuilder::no_proxy`] |
//! | tell afterwards what the network did | [`Link::link_timeline`] |
//! | find the link in its relay's logs | [`Link::trace`] |
//! | give up when the relay was never there | [`Link::wait_live`]; the crate itself never gives up |
//! | go on after a refusal | [`Link::credentials_changed`], [`Link::take_over`] |
//! | have figures for a dashboard | the [`metrics`](https://docs.rs/metrics) facade: `METRICS.md` |
//! | tell what the system knows | [`Link::network_changed`], [`Link::set_background`], [`Link::set_ping_interval`] |
//! | have apps show something to the wearer, and tell them what the wearer does | [`Event::Display`], [`Link::device_event`] |
//! | lose nothing when the program dies | [`LinkBuilder::journal`], and [`LinkBuilder::recover`] at the next start |
//!
//! It runs in a tokio runtime with time and I/O enabled. The link itself is a state machine without I/O
//! (`glasslink-session`); this crate puts sockets, TLS and a clock round it.
//!
//! An interface that comes up and a device that wakes make the link try at once; feature `network-watch`, on by default,
//! asks the system for the former.
//!
//! It logs through `tracing`, neither tokens nor text, in a span `link` whose `trace` is in the relay's logs, too. The WebSocket library does, in its lines of level `trace`: a
//! program that turns those on leaves `tungstenite` at `debug`.

mod address;
mod attach;
mod awareness;
mod builder;
mod clock;
mod connection;
mod credentials;
mod driver;
mod events;
mod journal;
mod link;
mod notes;
pub mod pairing;
mod shared;
mod stream;
mod telemetry;
mod trace;
mod wait;

pub use address::{AddressError, RelayAddress};
pub use attach::{AttachError, AttachedControl, AttachedSource, RecordError};
pub use builder::{ConnectError, LinkBuilder};
pub use connection::{ProxyError, RootError};
pub use credentials::{Credentials, CredentialsError, Token, TokenError, TokenFuture};
pub use events::{Events, Lagged};
pub use journal::{LinkSink, RecoverError, Recovered, ResumeError};
pub use link::Link;
pub use shared::Engine;
pub use stream::AudioStream;
pub use wait::{FinishError, WaitLiveError};

pub use glasslink_audio as audio;
pub use glasslink_protocol::{
    AppState, AppStatus, Capabilities, Cause, DeviceEvent, Display, DisplaySize, EngineState, Epoch,
    ErrorReport, EventNumber, Final, FrameIndex, Gap, GapCause, Layout, Partial, Press, SessionId,
    SessionIdError, SpeechTo, StreamFormat, StreamId, StreamSums, Touch, TranscriptEvent, View, Word,
};
pub use glasslink_session::{
    AudioCounts, ClientConfig, Event, Happening, LinkState, LinkStats, LinkTimeline, LinkTimelineError,
    Network, NotLive, OpenError, PushError, StreamOptions, TimelineEntry, Transport, Trouble, WhenFull,
};
pub use glasslink_transcript as transcript;

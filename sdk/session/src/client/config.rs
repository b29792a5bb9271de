use std::time::Duration;

use glasslink_protocol::{FrameIndex, SessionId, StreamId};

use crate::defaults;

/// How a link behaves. The defaults are in [`crate::defaults`], each with its reason.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Name and version of the program, for the relay's log.
    pub client: String,
    /// Audio waits this long to share a message.
    pub message_interval: Duration,
    /// Frames older than this are dropped while they cannot be sent.
    pub buffer_age: Duration,
    /// Bytes of frames kept in memory, all streams together.
    pub buffer_bytes: usize,
    /// How often a link is pinged over which nothing comes, or goes.
    pub ping_interval: Duration,
    /// Time an attempt has until the relay's welcome.
    pub connect_timeout: Duration,
    pub backoff_base: Duration,
    pub backoff_cap: Duration,
    /// How much faster than real time a backlog goes out. `None`: as fast as the link takes it.
    pub catch_up_rate: Option<u32>,
    /// A backlog that lasts longer does not hold up what is said now.
    pub longest_backlog: Duration,
    /// The session this one goes on from, when that one was lost.
    pub continues: Option<SessionId>,
    /// Lets what is said leave the relay's machine, for a speech engine elsewhere. Without it, the relay uses its own.
    pub remote_speech: bool,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            client: String::new(),
            message_interval: defaults::MESSAGE_INTERVAL,
            buffer_age: defaults::BUFFER_AGE,
            buffer_bytes: defaults::BUFFER_BYTES,
            ping_interval: defaults::PING_INTERVAL,
            connect_timeout: defaults::CONNECT_TIMEOUT,
            backoff_base: defaults::BACKOFF_BASE,
            backoff_cap: defaults::BACKOFF_CAP,
            catch_up_rate: Some(defaults::CATCH_UP_RATE),
            longest_backlog: defaults::LONGEST_BACKLOG,
            continues: None,
            remote_speech: false,
        }
    }
}

impl ClientConfig {
    /// As the relay is told.
    pub(crate) fn ping_ms(&self) -> u32 {
        u32::try_from(self.ping_interval.as_millis()).unwrap_or(u32::MAX)
    }
}

/// What a stream is, beyond its format.
#[derive(Clone, Debug, Default)]
pub struct StreamOptions {
    /// What a person calls the source.
    pub label: String,
    pub when_full: WhenFull,
    /// The stream this one goes on from.
    pub continues: Option<StreamId>,
    /// The first frame's index: 0 but for a stream taken up from a journal.
    pub from: FrameIndex,
    /// The finals before this frame are known already.
    pub transcribed: FrameIndex,
}

/// What happens to a frame pushed into a full buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest frames make room and become a gap: the source is live and cannot wait.
    #[default]
    DropOldest,
    /// The push is refused: the source is a file and can. Its frames do not age.
    Refuse,
}

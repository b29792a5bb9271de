//! Every default of the link, with the reason for its value.

use std::time::Duration;

/// Audio waits this long to share a message. A fifth of what a person notices as delay, and 20 messages a second.
pub const MESSAGE_INTERVAL: Duration = Duration::from_millis(50);

/// Frames older than this are dropped. 60 s of outage, the 15 s back-off cap, a 10 s attempt in flight, and 5 s
/// for the welcome and the relay's `kept`.
pub const BUFFER_AGE: Duration = Duration::from_secs(90);

/// What is too old goes this much at a time: a gap a second is told while the network is gone, not one a frame.
pub const EVICTION_STEP: Duration = Duration::from_secs(1);

/// Bytes of frames kept in memory. 90 s of 16-bit PCM at 16 kHz are 2.9 MB.
pub const BUFFER_BYTES: usize = 4 << 20;

/// Frames stay in memory this long when a journal holds them too, so that a short outage reads no disk.
pub const JOURNALED_AGE: Duration = Duration::from_secs(10);

/// A silent link is called dead after three round trips, and not before this: `received` comes every 100 ms, and
/// together with [`MESSAGE_INTERVAL`] a dead link is noticed within 2 s.
pub const STALL_MIN: Duration = Duration::from_millis(1_500);

/// Nobody waits longer than this for a link to answer, however slow it was.
pub const STALL_MAX: Duration = Duration::from_secs(5);

/// Idle links are pinged this often: 5 s and the stall time are within the 10 s of P7.
pub const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Time an attempt has from its start to the relay's `welcome`. A TLS handshake over a bad mobile link takes 5 s.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// First back-off after the immediate retry. A relay that restarts needs a fraction of a second.
pub const BACKOFF_BASE: Duration = Duration::from_millis(250);

/// Largest back-off: the longest a person waits for captions after an outage nobody reported.
pub const BACKOFF_CAP: Duration = Duration::from_secs(15);

/// A link that lived this long, and moved something, was not a flap.
pub const HEALTHY_AFTER: Duration = Duration::from_secs(5);

/// A backlog goes out at this multiple of real time: fast enough to catch up 60 s in 20, slow enough to leave
/// room for what is said now.
pub const CATCH_UP_RATE: u32 = 4;

/// A backlog of this goes out before what is said now, in 20 s at [`CATCH_UP_RATE`] while capture goes on. After a
/// longer one, captions go on at once and it is filled in behind.
pub const LONGEST_BACKLOG: Duration = Duration::from_mins(1);

pub use glasslink_protocol::{AUDIO_STALL, MAX_REARMS, REARM_INTERVAL};

/// A full buffer is gone this long after the link is back, real time going on: [`BUFFER_AGE`] at [`CATCH_UP_RATE`].
/// Until then its frames do not age.
pub const CATCH_UP_TIME: Duration = Duration::from_secs(BUFFER_AGE.as_secs() / (CATCH_UP_RATE as u64 - 1));

/// Stream time sent and not yet `received`. At [`CATCH_UP_RATE`] and a round trip of 1 s, 4 s are under way.
pub const IN_FLIGHT: Duration = Duration::from_secs(8);

/// Bytes sent and not yet `received`, whatever their stream time.
pub const IN_FLIGHT_BYTES: usize = 256 << 10;

/// Stream time one message carries at most.
pub const MESSAGE_SPAN: Duration = Duration::from_secs(1);

/// The ledger is reported this often while it changes.
pub const SUMS_INTERVAL: Duration = Duration::from_secs(1);

/// Streams a session may have open at once: eight people with eight sources each.
pub const MAX_STREAMS: usize = 64;

/// A message refused this often becomes a gap (P13).
pub const MAX_REJECTIONS: u32 = 3;

/// The relay acknowledges what arrived this often.
pub const RECEIVED_INTERVAL: Duration = Duration::from_millis(100);

/// ... and along with an arrival when the last time is this long ago, so that no timer fires for a live stream.
pub const RECEIVED_ALONG: Duration = Duration::from_millis(75);

/// The relay says what it keeps this often, so that `kept` is at most 500 ms behind.
pub const KEPT_INTERVAL: Duration = Duration::from_millis(300);

/// ... and along with `received` when the last time is this long ago: one write for both.
pub const KEPT_ALONG: Duration = Duration::from_millis(150);

/// The relay calls a connection lost after this many of the ping intervals its client announced, ...
pub const LOST_AFTER_PINGS: u32 = 3;

/// ... and not earlier than this.
pub const LOST_MIN: Duration = Duration::from_secs(15);

/// A session without a connection is kept this long: a walk through a tunnel, a phone call, a reboot.
pub const SESSION_KEEP: Duration = Duration::from_mins(10);

/// Transcript events kept for replay: a day of speech.
pub const HISTORY_EVENTS: usize = 20_000;

/// Bytes of text kept for replay.
pub const HISTORY_BYTES: usize = 8 << 20;

/// Apps of a session whose state is remembered: more than anybody runs at once.
pub const MAX_APPS: usize = 64;

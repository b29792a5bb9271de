use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One source's frames within a session. Chosen by the client, never used twice in a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub u32);

/// Position of a frame in its stream, counted from 0. Stream time is `index * frame_samples / sample_rate`.
///
/// Ranges of frames are half-open everywhere: `from` is the first frame, `to` the first one after. Indices are below
/// 2^63, so that adding frames to one never overflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct FrameIndex(pub u64);

/// Frame indices are below 2^63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("frame index {0} is out of range")]
pub struct FrameIndexError(u64);

/// One life of a session on a relay: a relay that lost a session's state answers with another epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// Position of a transcript event in its epoch, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventNumber(pub u64);

/// What survives reconnects. 128 random bits chosen by the client, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u128);

/// A session id is 32 hexadecimal digits; anything else is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session id is 32 hexadecimal digits")]
pub struct SessionIdError;

/// Ties a frame to the clocks at the moment its first sample was captured.
///
/// Sent at the start of a stream, every 10 s and after every discontinuity. Wall times come from marks only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockMark {
    pub stream: StreamId,
    pub index: FrameIndex,
    /// Microseconds on the client's monotonic clock, whose origin is arbitrary.
    pub monotonic_us: u64,
    /// Milliseconds since the Unix epoch.
    pub utc_ms: i64,
    /// Minutes to add to UTC for the client's local time.
    pub utc_offset_min: i32,
}

impl TryFrom<u64> for FrameIndex {
    type Error = FrameIndexError;

    fn try_from(index: u64) -> Result<Self, FrameIndexError> {
        if index < 1 << 63 { Ok(Self(index)) } else { Err(FrameIndexError(index)) }
    }
}

impl From<FrameIndex> for u64 {
    fn from(index: FrameIndex) -> Self {
        index.0
    }
}

impl FrameIndex {
    /// The number of frames from `earlier` to `self`, 0 when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for FrameIndex {
    type Output = Self;

    fn add(self, frames: u64) -> Self {
        Self(self.0 + frames)
    }
}

impl AddAssign<u64> for FrameIndex {
    fn add_assign(&mut self, frames: u64) {
        self.0 += frames;
    }
}

impl Sub for FrameIndex {
    type Output = u64;

    fn sub(self, other: Self) -> u64 {
        self.0 - other.0
    }
}

impl EventNumber {
    /// The number of the event behind this one. A relay may claim the last there is; nothing comes behind that.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for FrameIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

impl FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(text: &str) -> Result<Self, SessionIdError> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(SessionIdError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| SessionIdError)
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

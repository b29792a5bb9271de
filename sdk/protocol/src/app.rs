//! What crosses the wire between an app and a relay's door for apps.

use serde::{Deserialize, Serialize};

use crate::{
    Capabilities, DeviceEvent, Epoch, ErrorReport, EventNumber, FrameIndex, Gap, Layout,
    MAX_FRAMES_PER_MESSAGE, MessageError, Partial, SessionId, StreamFormat, StreamId, TranscriptEvent, View,
    message,
};

/// Before an app's key in the list of subprotocols, for browsers, which cannot set `Authorization`.
pub const APP_KEY_SUBPROTOCOL: &str = "glasslink.key.";

/// Hertz of the samples of a `pcm` subscription; mono, 16 bits, in frames of 10 ms.
pub const APP_PCM_RATE: u32 = 16_000;

/// Most sessions one list has.
pub const MAX_LISTED_SESSIONS: usize = 1_000;

/// Bytes before the first frame of an app's audio message.
pub const APP_HEADER_BYTES: usize = 20;

const KIND_APP_AUDIO: u8 = 2;

/// One of an app's subscriptions. Chosen by the app, never of two at once on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubscriptionId(pub u32);

/// What an app wants of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// The frames as the client sent them.
    Raw,
    /// Every stream as 16-bit samples at [`APP_PCM_RATE`].
    Pcm,
    /// Finals and gaps, numbered, and partials.
    Transcript,
    /// What the wearer's device can do, and what happens to it.
    Device,
}

/// What an app says, as JSON text. Unknown types and fields are ignored by the relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AppMessage {
    /// Asks for the sessions the app may see, in the order of their ids.
    Sessions {
        /// Those behind this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<SessionId>,
    },
    Subscribe {
        subscription: SubscriptionId,
        session: SessionId,
        want: Wanted,
        /// The epoch that `since` is of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        /// Of a transcript: events up to here are not wanted again.
        #[serde(default)]
        since: EventNumber,
    },
    Unsubscribe {
        subscription: SubscriptionId,
    },
    /// Shows something to the wearer of a session that the app may see.
    Display {
        session: SessionId,
        #[serde(default)]
        view: View,
        layout: Layout,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_ms: Option<u64>,
    },
    Ping {
        id: u64,
    },
    #[serde(other)]
    Unknown,
}

/// What a relay tells an app, as JSON text. Unknown types and fields are ignored by the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AppEvent {
    /// Answers `sessions`.
    Sessions {
        sessions: Vec<SessionId>,
        /// There are more behind the last one.
        #[serde(default)]
        more: bool,
    },
    /// Answers `subscribe`; nothing of the subscription precedes it.
    Subscribed {
        subscription: SubscriptionId,
        session: SessionId,
        want: Wanted,
        epoch: Epoch,
        /// Of a transcript: the first event that follows; later than asked for when older ones are gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        events_from: Option<EventNumber>,
    },
    /// A stream whose frames follow, from `from` on.
    Stream {
        subscription: SubscriptionId,
        stream: StreamId,
        format: StreamFormat,
        from: FrameIndex,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continues: Option<StreamId>,
        #[serde(default)]
        label: String,
    },
    /// Frames that no one will ever have.
    Gap {
        subscription: SubscriptionId,
        #[serde(flatten)]
        gap: Gap,
    },
    /// Frames that this app did not get because it, or the relay's decoder, was too slow. The session has them.
    Missed {
        subscription: SubscriptionId,
        stream: StreamId,
        from: FrameIndex,
        to: FrameIndex,
        /// Milliseconds they last, rounded.
        ms: u64,
    },
    /// The stream ends before frame `at`.
    Ended {
        subscription: SubscriptionId,
        stream: StreamId,
        at: FrameIndex,
    },
    Transcript {
        subscription: SubscriptionId,
        number: EventNumber,
        event: TranscriptEvent,
    },
    Partial {
        subscription: SubscriptionId,
        #[serde(flatten)]
        partial: Partial,
    },
    DeviceEvent {
        subscription: SubscriptionId,
        #[serde(flatten)]
        event: DeviceEvent,
    },
    Capabilities {
        subscription: SubscriptionId,
        #[serde(flatten)]
        capabilities: Capabilities,
    },
    /// The session's client is there, or is not.
    Client {
        subscription: SubscriptionId,
        attached: bool,
    },
    /// Nothing more comes of the subscription; its number is free.
    Closed {
        subscription: SubscriptionId,
        reason: ClosedReason,
    },
    Pong {
        id: u64,
    },
    /// Precedes a close that has a reason worth telling.
    Error(ErrorReport),
    #[serde(other)]
    Unknown,
}

/// Why a subscription is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedReason {
    /// The app asked for it.
    Unsubscribed,
    /// The session is over.
    SessionOver,
    /// There is no such session, or the app may not see it.
    NotFound,
    /// The number is in use, or the connection has as many subscriptions as it may have.
    Refused,
    /// The relay failed at it, and may not the next time.
    Failed,
    #[serde(other)]
    Unknown,
}

/// Consecutive frames of one stream, as one binary message to an app.
///
/// Layout, little-endian: kind (u8, 2), zero (u8), frame count (u16), stream (u32), first frame index (u64),
/// subscription (u32), then the frames as in an [`AudioMessage`](crate::AudioMessage).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppAudio<'a> {
    pub subscription: SubscriptionId,
    pub stream: StreamId,
    pub first: FrameIndex,
    pub count: u16,
    pub body: &'a [u8],
}

/// Why bytes are not an audio message for an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppAudioError {
    /// The message is shorter than its header.
    #[error("an audio message of {0} bytes is shorter than its header")]
    Truncated(usize),
    /// The first byte names a kind this version does not know. Apps ignore such messages.
    #[error("binary messages of kind {0} are not known")]
    UnknownKind(u8),
    /// A message carries 1 to [`MAX_FRAMES_PER_MESSAGE`] frames.
    #[error("an audio message cannot carry {0} frames")]
    FrameCount(u16),
    /// Frame indices stay below 2^63.
    #[error("frame index {0} is out of range")]
    Index(u64),
}

impl AppMessage {
    pub fn decode(text: &str) -> Result<Self, MessageError> {
        message::decode(text)
    }

    pub fn encode(&self) -> String {
        message::encode(self)
    }
}

impl AppEvent {
    pub fn decode(text: &str) -> Result<Self, MessageError> {
        message::decode(text)
    }

    pub fn encode(&self) -> String {
        message::encode(self)
    }
}

impl<'a> AppAudio<'a> {
    /// The format of the streams of a `pcm` subscription.
    pub fn pcm_format() -> StreamFormat {
        StreamFormat::pcm(APP_PCM_RATE).expect("a rate that streams may have")
    }

    /// Appends the message to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[KIND_APP_AUDIO, 0]);
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.stream.0.to_le_bytes());
        out.extend_from_slice(&self.first.0.to_le_bytes());
        out.extend_from_slice(&self.subscription.0.to_le_bytes());
        out.extend_from_slice(self.body);
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Self, AppAudioError> {
        let Some((header, body)) = bytes.split_first_chunk::<APP_HEADER_BYTES>() else {
            return Err(AppAudioError::Truncated(bytes.len()));
        };
        let [kind, _, c0, c1, s0, s1, s2, s3, index @ .., n0, n1, n2, n3] = *header;
        if kind != KIND_APP_AUDIO {
            return Err(AppAudioError::UnknownKind(kind));
        }
        let count = u16::from_le_bytes([c0, c1]);
        if !(1..=MAX_FRAMES_PER_MESSAGE).contains(&count) {
            return Err(AppAudioError::FrameCount(count));
        }
        let first = u64::from_le_bytes(index);
        Ok(Self {
            subscription: SubscriptionId(u32::from_le_bytes([n0, n1, n2, n3])),
            stream: StreamId(u32::from_le_bytes([s0, s1, s2, s3])),
            first: FrameIndex::try_from(first).map_err(|_| AppAudioError::Index(first))?,
            count,
            body,
        })
    }
}

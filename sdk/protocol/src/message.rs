use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{
    AppStatus, Capabilities, ClockMark, DeviceEvent, Display, Epoch, ErrorReport, EventNumber, FrameIndex,
    Gap, Partial, SessionId, StreamFormat, StreamId, TranscriptEvent,
};

/// The WebSocket subprotocol both sides name in the upgrade.
pub const SUBPROTOCOL: &str = "glasslink.v1";

/// Most bytes one text message may have. A final of 10 s of speech with its words has 4 KiB.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// What a client says, as JSON text. Unknown types and fields are ignored by the relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// First message of every connection: attaches it to a session, new or not.
    Hello {
        session: SessionId,
        /// Random number of the program that holds the session; the same in all its connections.
        holder: u64,
        /// Counts the holder's connections, so that a late one cannot replace a newer one.
        attach: u64,
        /// Takes the session from another holder. Set on a holder's first connection and on an explicit call.
        take: bool,
        /// The epoch the client last saw.
        #[serde(default)]
        epoch: Option<Epoch>,
        /// Events up to here are not wanted again.
        #[serde(default)]
        events_after: EventNumber,
        /// How often the client pings when idle, milliseconds.
        ping_ms: u32,
        /// Every stream that is not finished.
        #[serde(default)]
        streams: Vec<StreamStart>,
        /// The session this one goes on from, when that one was lost.
        #[serde(default)]
        continues: Option<SessionId>,
        /// Name and version of the program, for the relay's log.
        #[serde(default)]
        client: String,
        /// The session's owner lets its speech leave the relay's machine, for a speech engine elsewhere.
        #[serde(default, skip_serializing_if = "is_false")]
        remote_speech: bool,
    },
    /// Opens a stream on a live connection.
    Open(StreamStart),
    /// Frames that will never come.
    Gap(Gap),
    Clock(ClockMark),
    /// The stream ends before frame `at`.
    End {
        stream: StreamId,
        at: FrameIndex,
    },
    /// The client's ledger, so that the relay can check it.
    Sums {
        streams: Vec<StreamSums>,
    },
    /// The link is live and the stream's source gives no frames, though it is not paused.
    AudioStalled {
        stream: StreamId,
        /// How often it was re-armed since it stopped, this time included.
        rearms: u32,
        /// It is not re-armed again: a person has to look after it.
        #[serde(default)]
        given_up: bool,
    },
    /// What the wearer or the device did.
    DeviceEvent(DeviceEvent),
    /// What the device can do, whenever that changed and on every connection.
    Capabilities(Capabilities),
    /// The wearer starts an app, or stops it.
    RunApp {
        app: String,
        run: bool,
    },
    /// From now on the client pings this often when it says nothing else.
    PingInterval {
        ping_ms: u32,
    },
    Ping {
        id: u64,
    },
    Pong {
        id: u64,
    },
    /// The session is over; the relay may forget it.
    Bye,
    #[serde(other)]
    Unknown,
}

/// What a relay says, as JSON text. Unknown types and fields are ignored by the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RelayMessage {
    /// Answers `hello`.
    Welcome {
        session: SessionId,
        epoch: Epoch,
        durability: Durability,
        /// The marks of the streams `hello` named.
        #[serde(default)]
        streams: Vec<ResumedStream>,
        /// The first event that will be replayed; later than asked for when older ones are gone.
        #[serde(default)]
        events_from: EventNumber,
        /// How long the session is kept without a connection, milliseconds.
        keep_ms: u64,
        /// Name and version of the relay.
        #[serde(default)]
        relay: String,
    },
    /// Every frame before `next` has arrived or is a known gap.
    Received {
        stream: StreamId,
        next: FrameIndex,
        /// Flow control: the relay does not take frames from here on yet. Absent: no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<FrameIndex>,
    },
    /// Every frame before `next` is kept with the durability of the `welcome`; the client may free it.
    Kept {
        stream: StreamId,
        next: FrameIndex,
    },
    /// The frames of one audio message were refused. The client sends them again, three times at most.
    Rejected {
        stream: StreamId,
        first: FrameIndex,
        /// The first frame after the refused ones.
        to: FrameIndex,
        error: ErrorReport,
    },
    Transcript {
        number: EventNumber,
        event: TranscriptEvent,
    },
    Partial(Partial),
    /// Every final of the frames before `to` has been sent.
    Transcribed {
        stream: StreamId,
        to: FrameIndex,
    },
    /// The relay knows the stream's end.
    Ended {
        stream: StreamId,
    },
    /// The stream's frames cannot be decoded, though they have the right size. A client that has its samples ends it
    /// and goes on as `pcm_s16le`, in a stream that `continues` it.
    SendPcm {
        stream: StreamId,
    },
    /// The state of the speech engine.
    Status {
        engine: EngineState,
        /// One sentence for a person.
        message: String,
        /// What to do about it; empty when all is well.
        #[serde(default)]
        remedy: String,
        /// Where the session's speech goes now; absent: nowhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        speech_to: Option<SpeechTo>,
    },
    /// What an app shows the wearer. Said again on every connection, as long as it holds.
    Display(Display),
    /// How an app is, whenever that changed and on every connection.
    App(AppStatus),
    Ping {
        id: u64,
    },
    Pong {
        id: u64,
    },
    /// Precedes a close that has a reason worth telling.
    Error(ErrorReport),
    /// The relay is about to restart.
    Restarting {
        /// Do not come back earlier, milliseconds.
        reconnect_in_ms: u64,
        /// Spread the return over this long, milliseconds.
        #[serde(default)]
        spread_ms: u64,
    },
    #[serde(other)]
    Unknown,
}

/// A stream as the client declares it: what it is, and from where it can still be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStart {
    pub stream: StreamId,
    pub format: StreamFormat,
    /// The first frame the client still has, or has lost. Earlier ones were kept by the relay.
    #[serde(default)]
    pub from: FrameIndex,
    /// The client has the finals of the frames before this one.
    #[serde(default)]
    pub transcribed: FrameIndex,
    /// The stream this one goes on from. It starts where that one ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<StreamId>,
    /// What a person calls the source: "Built-in microphone".
    #[serde(default)]
    pub label: String,
}

/// Where a relay stands with a stream, as `welcome` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumedStream {
    pub stream: StreamId,
    pub received: FrameIndex,
    pub kept: FrameIndex,
    #[serde(default)]
    pub transcribed: FrameIndex,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<FrameIndex>,
    /// The relay knows the stream's end.
    #[serde(default)]
    pub ended: bool,
}

/// The ledger of a stream, in frames: `captured = acknowledged + buffered + lost`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSums {
    pub stream: StreamId,
    /// What the source produced, what a device's radio lost included.
    pub captured: u64,
    /// Kept by the relay.
    pub acknowledged: u64,
    /// Held by the client, in memory or journal.
    pub buffered: u64,
    /// Told as gaps whose cause is a loss.
    pub lost: u64,
    /// Frames of time without a source. Outside the sum.
    #[serde(default)]
    pub absent: u64,
}

/// What `kept` is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// In the relay's memory, until transcribed.
    Memory,
    /// In the relay's files; survives its process.
    Disk,
}

/// What the relay's speech engine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineState {
    Ready,
    /// On its way; audio is kept meanwhile.
    Loading,
    NotInstalled,
    /// It fails or lags; audio is kept meanwhile.
    Degraded,
    /// This relay has no engine and will not have one.
    Disabled,
    #[serde(other)]
    Unknown,
}

/// Where a session's speech goes to be transcribed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SpeechTo {
    /// The engine's name.
    pub engine: String,
    /// The host it runs on; absent: the relay's own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Why text is not a message of this protocol. The sender is at fault.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// A text message is at most [`MAX_TEXT_BYTES`] long.
    #[error("a text message of {0} bytes is too large")]
    TooLarge(usize),
    /// It is not JSON, or a field of a known message has another shape.
    #[error("a text message is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl StreamSums {
    /// Whether the ledger balances (P1).
    pub fn balances(&self) -> bool {
        [self.acknowledged, self.buffered, self.lost]
            .into_iter()
            .try_fold(0_u64, u64::checked_add)
            .is_some_and(|sum| sum == self.captured)
    }
}

impl ClientMessage {
    pub fn decode(text: &str) -> Result<Self, MessageError> {
        decode(text)
    }

    pub fn encode(&self) -> String {
        encode(self)
    }
}

impl RelayMessage {
    pub fn decode(text: &str) -> Result<Self, MessageError> {
        decode(text)
    }

    pub fn encode(&self) -> String {
        encode(self)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

pub(crate) fn decode<M: DeserializeOwned>(text: &str) -> Result<M, MessageError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(MessageError::TooLarge(text.len()));
    }
    Ok(serde_json::from_str(text)?)
}

pub(crate) fn encode<M: Serialize>(message: &M) -> String {
    serde_json::to_string(message).expect("messages have string keys and finite numbers")
}

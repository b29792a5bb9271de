use bytes::Bytes;
use glasslink_protocol::{
    Capabilities, Cause, ClientMessage, ClockMark, CloseCode, DeviceEvent, Epoch, EventNumber, FrameIndex,
    Gap, SessionId, StreamId, StreamStart, StreamSums, TranscriptEvent,
};

/// One connection's time as the session's. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attachment(pub u64);

/// A client's first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    pub session: SessionId,
    pub holder: u64,
    pub attach: u64,
    pub take: bool,
    pub epoch: Option<Epoch>,
    pub events_after: EventNumber,
    pub ping_ms: u32,
    pub streams: Vec<StreamStart>,
    pub continues: Option<SessionId>,
    pub client: String,
    /// The owner lets speech leave the relay's machine.
    pub remote_speech: bool,
}

/// What the owner of a [`crate::RelaySession`] has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum RelayAction {
    SendText {
        attachment: Attachment,
        text: String,
    },
    /// Close the connection. Nothing that still comes from it has any effect.
    Close {
        attachment: Attachment,
        code: CloseCode,
    },
    Event(RelayEvent),
}

/// What happened to the session.
#[derive(Clone, Debug, PartialEq)]
pub enum RelayEvent {
    Opened(StreamStart),
    /// `count` new frames from `first` on, in order and without duplicates; `body` as in an audio message. Call
    /// [`crate::RelaySession::kept`] when they are kept.
    Frames {
        stream: StreamId,
        first: FrameIndex,
        count: u16,
        body: Bytes,
    },
    /// Frames that will never come. The gap is in the transcript already. Call `kept` for it, too.
    Gap(Gap),
    Clock(ClockMark),
    /// An event got its number. It is sent by an action that follows: what a relay says it must know after a crash,
    /// so one that keeps sessions on disk syncs the event first.
    Appended {
        number: EventNumber,
        event: TranscriptEvent,
    },
    Ended {
        stream: StreamId,
        at: FrameIndex,
    },
    /// The client's source gives no frames; after `rearms` attempts to re-arm it the client is trying again, or has
    /// given up.
    AudioStalled {
        stream: StreamId,
        rearms: u32,
        given_up: bool,
    },
    /// What the wearer or the device did.
    Device(DeviceEvent),
    /// What the device can do.
    Capabilities(Capabilities),
    /// The wearer starts an app, or stops it.
    RunApp {
        app: String,
        run: bool,
    },
    Attached,
    Detached,
    /// The client is done with the session.
    Bye,
    /// Nobody attached for as long as the session is kept.
    Expired,
    /// The client's ledger does not balance, or contradicts the marks it was given.
    LedgerMismatch(StreamSums),
}

/// Why a connection was not attached. The session goes on as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// Another holder has the session, and this one did not ask to take it.
    #[error("another program attached to this session")]
    Superseded,
    /// A newer connection of the same holder is there already.
    #[error("a newer connection of this program is attached")]
    Stale,
    /// More streams than a session may have.
    #[error("too many streams")]
    TooManyStreams,
}

impl AttachError {
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::Superseded => CloseCode::Superseded,
            Self::Stale => CloseCode::GoingAway,
            Self::TooManyStreams => CloseCode::ProtocolError,
        }
    }

    pub fn cause(self) -> Cause {
        CloseCode::cause(self.close_code().code())
    }
}

impl TryFrom<ClientMessage> for Hello {
    type Error = ClientMessage;

    /// Gives any other message back.
    fn try_from(message: ClientMessage) -> Result<Self, ClientMessage> {
        match message {
            ClientMessage::Hello {
                session,
                holder,
                attach,
                take,
                epoch,
                events_after,
                ping_ms,
                streams,
                continues,
                client,
                remote_speech,
            } => Ok(Self {
                session,
                holder,
                attach,
                take,
                epoch,
                events_after,
                ping_ms,
                streams,
                continues,
                client,
                remote_speech,
            }),
            other => Err(other),
        }
    }
}

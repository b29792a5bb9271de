use bytes::Bytes;
use glasslink_protocol::{
    AppStatus, CloseCode, Display, EngineState, Epoch, ErrorReport, EventNumber, FormatError, FrameIndex,
    Gap, Partial, SpeechTo, StreamId, TranscriptEvent,
};

use crate::client::LinkState;

/// One connection attempt and, if it succeeds, the connection. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// What the caller of a [`crate::ClientSession`] has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Open a WebSocket, then call `opened` or `closed`.
    Connect {
        connection: ConnectionId,
    },
    /// Give up the attempt or close the connection. Nothing that still comes from it has any effect.
    Close {
        connection: ConnectionId,
        code: CloseCode,
    },
    SendText {
        connection: ConnectionId,
        text: String,
    },
    SendAudio {
        connection: ConnectionId,
        message: Bytes,
    },
    /// Read these frames from the journal, then call `fetched`.
    Fetch {
        stream: StreamId,
        from: FrameIndex,
        to: FrameIndex,
    },
    Event(Event),
}

/// What the program should know.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Never the same twice in a row.
    State(LinkState),
    /// The session lives in this epoch from here on.
    Epoch(Epoch),
    /// What `stream` captured goes on as stream `by`, which goes first: after a long outage nobody waits for the
    /// backlog. `stream` ends at frame `at` and is filled in behind. An attached source goes on as another stream for
    /// [`SendPcm`](Self::SendPcm), too.
    Continued {
        stream: StreamId,
        at: FrameIndex,
        by: StreamId,
    },
    /// The relay can make nothing of the stream's frames, though they have the right size. Who pushes them and has their
    /// samples ends the stream and opens one of PCM that continues it. An attached source that has them does so by
    /// itself.
    SendPcm {
        stream: StreamId,
    },
    /// The link is live and a live source that is not paused gave no frame for 3 s (silence is frames): re-arm it now,
    /// for the `rearm`th time. Whoever does has 30 s for it. An attached source needs nobody.
    AudioStalled {
        stream: StreamId,
        rearm: u32,
    },
    /// Frames come again, after it was re-armed `rearms` times.
    AudioRecovered {
        stream: StreamId,
        rearms: u32,
    },
    /// Re-arming the source did not help, and is not tried again: the person has to look after it.
    AudioLost {
        stream: StreamId,
    },
    /// Frames will never reach the relay. The same gap comes back as a transcript event.
    Gap(Gap),
    Transcript {
        epoch: Epoch,
        number: EventNumber,
        event: TranscriptEvent,
    },
    Partial(Partial),
    /// Every final of the frames before `to` has been told.
    Transcribed {
        stream: StreamId,
        to: FrameIndex,
    },
    /// The relay keeps every frame before `next`.
    Kept {
        stream: StreamId,
        next: FrameIndex,
    },
    /// Transcript events `from..to` were no longer kept by the relay.
    HistoryTruncated {
        epoch: Epoch,
        from: EventNumber,
        to: EventNumber,
    },
    Engine {
        state: EngineState,
        message: String,
        remedy: String,
        /// Where what is said goes now; `None`: nowhere.
        speech_to: Option<SpeechTo>,
    },
    /// Something is to be shown to the wearer. What a view shows may be told again after a reconnect.
    Display(Display),
    /// An app takes part, broke off, or was stopped. Never the same of an app twice in a row.
    App(AppStatus),
    /// The relay said why it is about to close, or that a message was wrong.
    RelayError(ErrorReport),
    /// Every frame of the stream is kept, and the relay knows its end.
    StreamKept(StreamId),
}

/// Why a stream was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// [`crate::defaults::MAX_STREAMS`] are open. End one first.
    #[error("a session has at most {0} open streams")]
    TooManyStreams(usize),
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The link was closed. Open a new one.
    #[error("the link is closed")]
    Closed,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The stream was never opened, or has ended.
    #[error("stream {0} is not open")]
    NotOpen(StreamId),
    /// The frame does not have its format's size.
    #[error("a frame of {0} bytes does not fit the stream's format")]
    FrameSize(usize),
    /// The link was closed. Open a new one.
    #[error("the link is closed")]
    Closed,
    /// The buffer is full and the stream refuses rather than drops. Push again when there is room.
    #[error("the buffer is full")]
    Full,
}

/// Frames came from the journal that nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("frames {from}.. of stream {stream} were not asked for")]
pub struct FetchedError {
    pub stream: StreamId,
    pub from: FrameIndex,
}

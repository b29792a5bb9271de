use glasslink_protocol::{CloseCode, EngineState, ErrorReport, Final, FrameIndex, Partial, StreamId};

/// What a session says that a door's client may want to know.
#[derive(Debug)]
pub(in crate::doors) enum Said {
    Partial(Partial),
    Final(Final),
    /// Every final of the frames before `to` was said.
    Transcribed {
        stream: StreamId,
        to: FrameIndex,
    },
    /// How the engine is, for a person.
    Engine(EngineState, String),
    /// There is room for more again.
    Room,
    /// The session takes nothing more and says nothing more.
    Closed(CloseCode, Option<Box<ErrorReport>>),
}

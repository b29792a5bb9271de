use std::time::Duration;

use glasslink::transcript;

/// Text that may still change. A later revision replaces it whole.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Partial {
    pub stream: u32,
    /// The first frame of the utterance.
    pub from_frame: u64,
    /// Counts up from 1 for the same `from_frame`.
    pub revision: u32,
    pub text: String,
}

/// Text that never changes again.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Final {
    pub stream: u32,
    /// The first voiced frame.
    pub from_frame: u64,
    /// The first frame after the last voiced one.
    pub to_frame: u64,
    pub text: String,
    /// In spoken order.
    pub words: Vec<Word>,
}

/// One word and the frames it was spoken in.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Word {
    pub text: String,
    pub from_frame: u64,
    pub to_frame: u64,
    /// The engine gave no times: they are spread over its sentence.
    pub estimated: bool,
}

/// Frames `from_frame` until before `to_frame` that have no audio, or no transcript, and why.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Gap {
    pub stream: u32,
    pub from_frame: u64,
    pub to_frame: u64,
    pub duration: Duration,
    pub cause: GapCause,
    /// A few words for a person.
    pub words: String,
    /// Whether the frames were captured, and lost.
    pub is_loss: bool,
}

/// Why frames are missing.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum GapCause {
    /// Captured by the device and lost on its radio link.
    Radio,
    /// Dropped from the full buffer, the oldest first.
    Overflow,
    /// The relay refused the frames three times.
    Rejected,
    /// The source stood still: nothing was captured, so nothing was lost.
    Absent,
    /// The journal could not be written, or was damaged.
    Disk,
    /// The relay had kept the audio and lost it before it was transcribed.
    RelayLostHistory,
    /// The relay let the audio go before any speech engine could take it.
    NotTranscribed,
    /// A cause that this version does not know.
    Unknown { code: String },
}

/// A piece of the transcript, by its time from the start of the session.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum TranscriptEntry {
    Speech {
        start: Duration,
        end: Duration,
        text: String,
    },
    Missing {
        start: Duration,
        end: Duration,
        cause: GapCause,
        words: String,
    },
    /// A kind that a later version adds.
    Unknown {
        code: String,
    },
}

/// What a transcript can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum TranscriptFormat {
    Txt,
    Markdown,
    Json,
    Srt,
    Vtt,
}

impl From<glasslink::Partial> for Partial {
    fn from(partial: glasslink::Partial) -> Self {
        let glasslink::Partial { stream, from, revision, text } = partial;
        Self { stream: stream.0, from_frame: from.0, revision, text }
    }
}

impl From<glasslink::Final> for Final {
    fn from(settled: glasslink::Final) -> Self {
        let glasslink::Final { stream, from, to, text, words } = settled;
        let words = words.into_iter().map(Word::from).collect();
        Self { stream: stream.0, from_frame: from.0, to_frame: to.0, text, words }
    }
}

impl From<glasslink::Word> for Word {
    fn from(word: glasslink::Word) -> Self {
        Self { text: word.text, from_frame: word.from.0, to_frame: word.to.0, estimated: word.estimated }
    }
}

impl From<glasslink::Gap> for Gap {
    fn from(gap: glasslink::Gap) -> Self {
        Self {
            stream: gap.stream.0,
            from_frame: gap.from.0,
            to_frame: gap.to.0,
            duration: Duration::from_millis(gap.ms),
            cause: gap.cause.into(),
            words: gap.cause.words().into(),
            is_loss: gap.cause.is_loss(),
        }
    }
}

impl From<glasslink::GapCause> for GapCause {
    fn from(cause: glasslink::GapCause) -> Self {
        use glasslink::GapCause as Core;
        match cause {
            Core::Radio => Self::Radio,
            Core::Overflow => Self::Overflow,
            Core::Rejected => Self::Rejected,
            Core::Absent => Self::Absent,
            Core::Disk => Self::Disk,
            Core::RelayLostHistory => Self::RelayLostHistory,
            Core::NotTranscribed => Self::NotTranscribed,
            Core::Unknown => Self::Unknown { code: "unknown".into() },
        }
    }
}

impl From<&transcript::Entry> for TranscriptEntry {
    fn from(entry: &transcript::Entry) -> Self {
        let (start, end) = (entry.start(), entry.end());
        match entry {
            transcript::Entry::Speech(speech) => Self::Speech { start, end, text: speech.text.clone() },
            transcript::Entry::Gap(missing) => {
                Self::Missing { start, end, cause: missing.cause.into(), words: missing.cause.words().into() }
            }
        }
    }
}

impl From<TranscriptFormat> for transcript::Format {
    fn from(format: TranscriptFormat) -> Self {
        match format {
            TranscriptFormat::Txt => Self::Txt,
            TranscriptFormat::Markdown => Self::Markdown,
            TranscriptFormat::Json => Self::Json,
            TranscriptFormat::Srt => Self::Srt,
            TranscriptFormat::Vtt => Self::Vtt,
        }
    }
}

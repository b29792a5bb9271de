use std::time::Duration;

use thiserror::Error;

/// The rate of every sample an engine is given, in hertz; mono.
pub const SAMPLE_RATE: u32 = 16_000;

/// The most samples a [`Recognition`] holds that are not yet transcribed: 60 s, 1.9 MB. As long as a relay keeps
/// audio in memory, so that no backlog it has waits for a second round.
pub const MAX_PENDING: u64 = 60 * SAMPLE_RATE as u64;

/// What takes a recognition's events. Called by one thread at a time, in order, from threads of the engine, never
/// from within [`Recognition::push`]. It must return soon: while it runs, so does nobody else's decode on that thread.
pub type EventSink = Box<dyn FnMut(EngineEvent) + Send>;

/// A speech engine, shared by all streams that use it.
pub trait Engine: Send + Sync {
    /// The engine's name for people, such as `moonshine-tiny-en`.
    fn name(&self) -> &str;

    /// Loads what the engine needs and returns when it is ready. Blocks, for seconds perhaps. Loading again costs
    /// nothing; after an error it may be tried again at any time, and picks up a model installed meanwhile.
    fn load(&self) -> Result<(), EngineError>;

    /// The host that speech is sent to; `None` where it stays on this machine.
    fn host(&self) -> Option<&str> {
        None
    }

    /// Whether a recognition that takes up where another left off should hear again what came before, so that its
    /// finals are those of one that never stopped. Not worth it where audio is paid for or sent far.
    fn hears_again(&self) -> bool {
        true
    }

    /// Like [`open`](Self::open), for audio nobody waits for: it makes way for what people do wait for, and gives no
    /// partials.
    fn open_in_background(&self, events: EventSink) -> Result<Box<dyn Recognition>, EngineError> {
        self.open(events)
    }

    /// Starts a recognition at position 0. Does not wait for the engine to load; what that finds wrong later comes as
    /// [`EngineEvent::Failed`].
    fn open(&self, events: EventSink) -> Result<Box<dyn Recognition>, EngineError>;
}

/// One stream's audio on its way to text. Positions are samples since its start, skipped ones included.
///
/// The finals of an embedded engine are a pure function of the samples and gaps: however the samples are chunked,
/// whenever they come, whatever else the engine has to do, with or without partials, the same finals come out. What a
/// remote one says is its own affair.
///
/// Dropping it cancels its work and frees all it holds. An event already on its way may still arrive.
pub trait Recognition: Send {
    /// Takes samples (16 kHz, mono) and returns how many it took, from the front. Fewer than all when
    /// [`MAX_PENDING`] are held: offer the rest again after an [`EngineEvent::Transcribed`]. Never blocks.
    #[must_use = "samples that were not taken must be offered again"]
    fn push(&mut self, pcm: &[i16]) -> usize;

    /// Says that the next `samples` samples do not exist. No final reaches across them. Never blocks.
    fn skip(&mut self, samples: u64);

    /// Says that no more audio comes. All that was pushed is transcribed; the last event is `Transcribed` with the end
    /// of the audio. Never blocks. Samples pushed later are not taken.
    fn finish(&mut self);

    /// Samples that were pushed and may still be needed: those after the last [`EngineEvent::Transcribed`].
    fn pending(&self) -> u64;
}

/// What a recognition has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineEvent {
    /// The open utterance as heard so far. The next revision replaces it whole.
    Partial {
        /// The first voiced sample of the utterance.
        from: u64,
        /// Counts up from 1 for the same `from`.
        revision: u32,
        /// What is heard so far.
        text: String,
    },
    /// Text that never changes again. In order, never overlapping.
    Final(FinalText),
    /// Every final that begins before `to` has been issued, and no audio before it is needed any more. Grows; reaches
    /// the end of the audio after [`Recognition::finish`].
    Transcribed {
        /// A position, in samples.
        to: u64,
    },
    /// The recognition has stopped and will say nothing more. What it was given after the last `Transcribed` is not
    /// transcribed: give it to a new recognition.
    Failed(EngineError),
}

/// One settled utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalText {
    /// The first voiced sample.
    pub from: u64,
    /// The first sample after the last voiced one.
    pub to: u64,
    /// Never empty; punctuated if the engine punctuates.
    pub text: String,
    /// In spoken order; their texts, joined by spaces, are `text`.
    pub words: Vec<WordTime>,
}

/// One word and the samples it was spoken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordTime {
    /// The word with its punctuation.
    pub text: String,
    /// Its first sample.
    pub from: u64,
    /// The first sample after it.
    pub to: u64,
    /// The engine gave no times: they were spread over the voiced time of the final.
    pub estimated: bool,
}

/// Why an engine cannot transcribe.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EngineError {
    /// The model is not on this machine. Install it; the next `load` or `open` finds it.
    #[error("speech engine not installed ({missing} is missing): {remedy}")]
    NotInstalled {
        /// The first file that is missing.
        missing: String,
        /// What to do.
        remedy: String,
    },
    /// A file of the model is not what was published: cut short, damaged or replaced. Install it again.
    #[error("speech engine damaged: {file} is not the published file: {remedy}")]
    Corrupted {
        /// The file's path.
        file: String,
        /// What to do.
        remedy: String,
    },
    /// No folder for the model can be told: neither `GLASSLINK_MODEL_DIR` nor a home directory is set. Set one.
    #[error("no folder for the speech model: set GLASSLINK_MODEL_DIR")]
    NoModelDir,
    /// The inference library would not load or refused the model, on this processor or system; `detail` is its word.
    #[error("speech engine does not run here: {detail}")]
    Runtime {
        /// The library's message.
        detail: String,
    },
    /// The engine failed while it transcribed. Open a new recognition. It may be the audio: give up audio that it fails
    /// on again and again.
    #[error("speech engine failed: {detail}")]
    Failed {
        /// What went wrong.
        detail: String,
    },
    /// A remote engine is not there: its name, its machine, or what runs on it. Try again later, or another engine.
    #[error("speech engine cannot be reached: {detail}")]
    Unreachable {
        /// What went wrong, without anything that was said.
        detail: String,
    },
    /// A remote engine broke off in the middle of an answer, or gave one that makes no sense. Try again later.
    #[error("speech engine gave half an answer: {detail}")]
    Broken {
        /// What is wrong with it.
        detail: String,
    },
    /// A remote engine took the audio and said nothing. Try again later, or another engine.
    #[error("speech engine did not answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// A remote engine does not accept the key, or the account behind it. Only a person can help.
    #[error("speech engine refused the credentials ({detail}): {remedy}")]
    Refused {
        /// What it answered.
        detail: String,
        /// What to do.
        remedy: String,
    },
    /// A remote engine has had enough for now.
    #[error("speech engine is rate limited")]
    RateLimited {
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// A request to a remote engine was not made, or its answer not taken, since that is never done: its address leads to
    /// a neighbour or is not registered, it is not encrypted, it redirects, it answers without end. Somebody may be at
    /// work there: look who answers at its address.
    #[error("speech engine may not be asked: {detail}: {remedy}")]
    NotAllowed {
        /// What it would have done.
        detail: String,
        /// What to do.
        remedy: String,
    },
    /// A remote engine cannot work with these settings: it knows no such model or language, its address is none, nobody
    /// vouches for its certificate. Only a person can help.
    #[error("speech engine cannot be used: {detail}: {remedy}")]
    Misconfigured {
        /// What is wrong.
        detail: String,
        /// What to do.
        remedy: String,
    },
}

use std::collections::BTreeMap;

use glasslink_asr::EngineError;
use glasslink_protocol::FrameIndex;
use tokio::time::Instant;

use crate::limits;
use crate::speech::{Speech, Transcription, Wants};

/// One stream, between store and engine.
pub(super) struct Stream {
    pub(super) transcription: Transcription,
    pub(super) speech: Speech,
    /// Its number among the engines' streams.
    pub(super) key: u64,
    /// There may be something to feed.
    pub(super) hungry: bool,
    /// The engine that has it, and since when.
    pub(super) serving: Option<(usize, Instant)>,
    /// When the engine last settled something, or was first asked to.
    pub(super) progressed: Instant,
    /// Failures since then that may be the audio's.
    pub(super) failures: u32,
    /// Engines that failed it a moment ago: until when they are not asked, and how often they did.
    pub(super) avoided: BTreeMap<usize, (Instant, u32)>,
    /// When the first of those may be asked again.
    pub(super) retry: Option<Instant>,
    /// What the client was told last. While there is one it never moves back: a client may rely on it.
    pub(super) limit: Option<FrameIndex>,
}

impl Stream {
    pub(super) fn new(transcription: Transcription, speech: &Speech) -> Self {
        Self {
            transcription,
            speech: speech.clone(),
            key: speech.new_stream(),
            hungry: true,
            serving: None,
            progressed: Instant::now(),
            failures: 0,
            avoided: BTreeMap::new(),
            retry: None,
            limit: None,
        }
    }

    /// Whether an engine takes the stream's audio, now or in a moment.
    pub(super) fn is_served(&self, remote: bool) -> bool {
        let is_served = self.serving.is_some() || self.speech.choose(self, remote).is_some();
        is_served && self.transcription.is_decodable()
    }

    /// Takes the stream from its engine.
    pub(super) fn leave(&mut self) {
        self.transcription.stop();
        if let Some((engine, _)) = self.serving.take() {
            self.speech.left(engine, self.key);
        }
    }

    /// Engine number `engine` failed: it is left alone by this stream for a while, and another may have a go.
    pub(super) fn failed(&mut self, engine: usize, error: &EngineError) {
        self.transcription.stop();
        self.serving = None;
        self.speech.failed(engine, self.key, error);
        self.speech.left(engine, self.key);
        // A server that is not there says nothing about the audio.
        if matches!(error, EngineError::Failed { .. }) {
            self.failures += 1;
        }
        let (until, times) = self.avoided.entry(engine).or_insert((Instant::now(), 0));
        let pause = limits::ENGINE_RETRY.saturating_mul(1 << (*times).min(10));
        *until = Instant::now() + pause.min(limits::ENGINE_RETRY_MOST);
        *times += 1;
        self.retry = self.avoided.values().map(|(until, _)| *until).min();
        self.hungry = true;
    }
}

impl Wants for Stream {
    fn key(&self) -> u64 {
        self.key
    }

    fn avoids(&self, index: usize, now: Instant) -> bool {
        self.avoided.get(&index).is_some_and(|(until, _)| now < *until)
    }
}

impl Stream {
    /// The engine that has it settled something; `text`: it said something. Whether one had failed before.
    pub(super) fn progress(&mut self, text: bool) -> bool {
        self.progressed = Instant::now();
        self.hungry = true;
        let mut had_failed = std::mem::take(&mut self.failures) > 0;
        if let Some((engine, _)) = self.serving {
            self.speech.worked(engine, text);
            had_failed |= self.avoided.remove(&engine).is_some();
        }
        had_failed
    }
}

impl Drop for Stream {
    /// What an engine has of it is nobody's any more.
    fn drop(&mut self) {
        self.leave();
    }
}

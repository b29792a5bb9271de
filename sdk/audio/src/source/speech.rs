use super::{Lc3Source, Lc3SourceError, Resampled, ResampledError, Source};

/// Rate of speech on its way to a relay, hertz: speech engines take nothing else.
pub const SPEECH_RATE: u32 = 16_000;

/// Why a source cannot be sent as speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// It cannot be brought to [`SPEECH_RATE`].
    #[error(transparent)]
    Rate(#[from] ResampledError),
    /// It cannot be encoded.
    #[error(transparent)]
    Codec(#[from] Lc3SourceError),
}

/// A PCM source as speech is sent: LC3 at [`SPEECH_RATE`], in frames of `frame_bytes` bytes
/// ([`Lc3Source::FRAME_BYTES`] are enough for speech).
pub fn speech<S: Source + 'static>(source: S, frame_bytes: u32) -> Result<Box<dyn Source>, SpeechError> {
    if source.format().sample_rate() == SPEECH_RATE {
        Ok(Box::new(Lc3Source::new(source, frame_bytes)?))
    } else {
        Ok(Box::new(Lc3Source::new(Resampled::new(source, SPEECH_RATE)?, frame_bytes)?))
    }
}

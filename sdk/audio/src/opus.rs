use opus_rs::OpusDecoder;

/// Opus frames of one stream, decoded by a Rust port of libopus that agrees with it to the sample: but for
/// low-delay (CELT) frames, where it is off, and may be loud, for up to 180 ms after a lost packet.
pub(crate) struct OpusFrames {
    decoder: Box<OpusDecoder>,
    pcm: Vec<f32>,
}

impl OpusFrames {
    /// `rate` in hertz, one of Opus's five; `samples` a frame.
    pub(crate) fn new(rate: u32, samples: u32) -> Option<Self> {
        let decoder = OpusDecoder::new(i32::try_from(rate).ok()?, 1).ok()?;
        Some(Self { decoder: Box::new(decoder), pcm: vec![0.0; samples as usize] })
    }

    /// Decodes a frame, or conceals a lost one, into `pcm`; whether it was done.
    pub(crate) fn decode(&mut self, frame: Option<&[u8]>, pcm: &mut [i16]) -> bool {
        // Without a packet the decoder goes on from what it heard.
        let frame = frame.unwrap_or_default();
        match self.decoder.decode(frame, pcm.len(), &mut self.pcm) {
            Ok(samples) if samples == pcm.len() => {
                for (to, from) in pcm.iter_mut().zip(&self.pcm) {
                    *to = (from * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
                }
                true
            }
            Ok(_) | Err(_) => false,
        }
    }
}

impl std::fmt::Debug for OpusFrames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpusFrames").field("samples", &self.pcm.len()).finish_non_exhaustive()
    }
}

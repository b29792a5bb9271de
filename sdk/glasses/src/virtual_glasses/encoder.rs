use glasslink_lc3::{Encoder, FrameDuration};

/// Turns what the microphone hears into the frames a device sends.
pub(crate) struct FrameEncoder {
    codec: Codec,
    bytes: usize,
}

enum Codec {
    Lc3(Box<Encoder>),
    #[cfg(feature = "opus-encoder")]
    Opus(Box<opus_rs::OpusEncoder>),
    /// Frames of the right size without sound.
    #[cfg(not(feature = "opus-encoder"))]
    Mute,
}

impl FrameEncoder {
    /// LC3 at 16 kHz in 10 ms frames of `bytes` bytes.
    pub(crate) fn lc3(bytes: usize) -> Self {
        let encoder = Encoder::new(16_000, FrameDuration::Ms10).expect("a rate LC3 has");
        Self { codec: Codec::Lc3(Box::new(encoder)), bytes }
    }

    /// Opus at 16 kHz in frames of 20 ms, about 32 kbit/s. Without the feature `opus-encoder` they carry silence.
    pub(crate) fn opus() -> Self {
        Self { codec: Codec::opus(), bytes: 160 }
    }

    pub(crate) fn encode(&mut self, pcm: &[i16]) -> Vec<u8> {
        let mut frame = vec![0; self.bytes];
        match &mut self.codec {
            Codec::Lc3(encoder) => {
                // A frame of another size than the encoder's is a mistake in a virtual device, and stays silent.
                let _ = encoder.encode(pcm, &mut frame);
            }
            #[cfg(feature = "opus-encoder")]
            Codec::Opus(encoder) => {
                let pcm: Vec<f32> = pcm.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
                let written = encoder.encode(&pcm, pcm.len(), &mut frame).unwrap_or(0);
                frame.truncate(written);
            }
            // One 20 ms frame of wideband SILK without a byte of it: decoders conceal.
            #[cfg(not(feature = "opus-encoder"))]
            Codec::Mute => frame = vec![0x48],
        }
        frame
    }
}

impl Codec {
    #[cfg(feature = "opus-encoder")]
    fn opus() -> Self {
        let mut encoder =
            opus_rs::OpusEncoder::new(16_000, 1, opus_rs::Application::Voip).expect("a rate Opus has");
        encoder.bitrate_bps = 32_000;
        Self::Opus(Box::new(encoder))
    }

    #[cfg(not(feature = "opus-encoder"))]
    fn opus() -> Self {
        Self::Mute
    }
}

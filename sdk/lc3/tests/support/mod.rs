//! What the tests and the examples that compare with liblc3 share.

// Not every one of them uses all of it; and what is decoded comes from a decoder.
#![allow(dead_code, unreachable_pub, clippy::similar_names)]

pub mod fuzz;
pub mod liblc3;
pub mod measure;
pub mod signals;
pub mod soak;

use glasslink_lc3::FrameDuration;

/// A rate and duration, and a frame length that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    pub rate: u32,
    pub duration: FrameDuration,
    pub bytes: usize,
}

impl Setup {
    pub const fn new(kilohertz: u32, duration: FrameDuration, bytes: usize) -> Self {
        Self { rate: 1000 * kilohertz, duration, bytes }
    }

    pub fn samples(&self) -> usize {
        let samples_10ms = self.rate as usize / 100;
        match self.duration {
            FrameDuration::Ms7_5 => samples_10ms * 3 / 4,
            FrameDuration::Ms10 => samples_10ms,
        }
    }
}

impl std::fmt::Display for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let duration = match self.duration {
            FrameDuration::Ms7_5 => "7.5ms",
            FrameDuration::Ms10 => "10ms",
        };
        write!(f, "{}k {duration} {}B", self.rate / 1000, self.bytes)
    }
}

/// The setups of every comparison.
pub const SETUPS: [Setup; 16] = {
    use FrameDuration::{Ms7_5, Ms10};
    [
        Setup::new(8, Ms10, 20),
        Setup::new(8, Ms10, 30),
        Setup::new(8, Ms7_5, 26),
        Setup::new(16, Ms10, 20),
        Setup::new(16, Ms10, 40),
        Setup::new(16, Ms10, 60),
        Setup::new(16, Ms10, 80),
        Setup::new(16, Ms7_5, 30),
        Setup::new(24, Ms10, 60),
        Setup::new(24, Ms7_5, 45),
        Setup::new(32, Ms10, 80),
        Setup::new(32, Ms7_5, 60),
        Setup::new(48, Ms10, 100),
        Setup::new(48, Ms10, 155),
        Setup::new(48, Ms7_5, 75),
        Setup::new(48, Ms7_5, 117),
    ]
};

/// Encodes all whole frames of `pcm` with liblc3.
pub fn encode_liblc3(library: &liblc3::Library, setup: Setup, pcm: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = library.encoder(setup);
    pcm.chunks_exact(setup.samples()).map(|pcm| encoder.encode(pcm, setup.bytes)).collect()
}

/// Encodes all whole frames of `pcm` with ours.
pub fn encode_ours(setup: Setup, pcm: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = glasslink_lc3::Encoder::new(setup.rate, setup.duration).unwrap();
    pcm.chunks_exact(setup.samples())
        .map(|pcm| {
            let mut frame = vec![0; setup.bytes];
            encoder.encode(pcm, &mut frame).unwrap();
            frame
        })
        .collect()
}

/// Decodes frames with liblc3; `None` is a lost one. Also counts the frames it concealed.
pub fn decode_liblc3(library: &liblc3::Library, setup: Setup, frames: &[Option<&[u8]>]) -> (Vec<i16>, usize) {
    let mut decoder = library.decoder(setup);
    let mut pcm = vec![0; frames.len() * setup.samples()];
    let mut concealed = 0;
    for (frame, pcm) in frames.iter().zip(pcm.chunks_exact_mut(setup.samples())) {
        concealed += usize::from(decoder.decode(*frame, pcm));
    }
    (pcm, concealed)
}

/// Decodes frames with ours; `None` is a lost one. Also counts the frames it concealed.
pub fn decode_ours(setup: Setup, frames: &[Option<&[u8]>]) -> (Vec<i16>, usize) {
    let mut decoder = glasslink_lc3::Decoder::new(setup.rate, setup.duration).unwrap();
    let mut pcm = vec![0; frames.len() * setup.samples()];
    let mut concealed = 0;
    for (frame, pcm) in frames.iter().zip(pcm.chunks_exact_mut(setup.samples())) {
        let decoded = decoder.decode(*frame, pcm).unwrap();
        concealed += usize::from(decoded == glasslink_lc3::Decoded::Concealed);
    }
    (pcm, concealed)
}

/// Frames none of which is lost.
pub fn all(frames: &[Vec<u8>]) -> Vec<Option<&[u8]>> {
    frames.iter().map(|frame| Some(frame.as_slice())).collect()
}

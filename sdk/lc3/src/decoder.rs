//! The decoder.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::fmt;

use crate::bitstream::Reader;
use crate::concealment::Concealment;
use crate::format::{ConfigError, Format, FrameDuration, MAX_FRAME_BYTES, MAX_SAMPLES, MIN_FRAME_BYTES};
use crate::mdct;
use crate::pcm::{Channel, Sample};
use crate::postfilter::{Pitch, Synthesis, history_len};
use crate::shaping::{self, Shaping, ShapingIndex};
use crate::spectrum::{Coded, Header};
use crate::tns::Tns;

/// What the samples of a frame are.
#[must_use = "a concealed frame is made up, and someone should know"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded {
    /// Decoded from the frame.
    Ok,
    /// Made up from the frames before, because this one was lost or damaged.
    Concealed,
}

/// Why a call did not decode anything. The decoder is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The frame has this many bytes; LC3 frames have 20 to 400. If the frame was damaged on its way, decode
    /// `None` in its place.
    FrameLength(usize),
    /// The room for samples is not that of one frame of as many channels as interleave.
    PcmLength {
        /// Samples wanted.
        expected: usize,
        /// Samples given.
        given: usize,
    },
    /// There is no such channel: its index is not below the number of channels.
    Channel(Channel),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrameLength(bytes) => write!(f, "an LC3 frame has 20 to 400 bytes, not {bytes}"),
            Self::PcmLength { expected, given } => {
                write!(f, "room for {expected} samples is wanted, not for {given}")
            }
            Self::Channel(Channel { index, of }) => write!(f, "there is no channel {index} of {of}"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// A decoder of one channel, with its state on the heap: 3 KB at 16 kHz, 7 KB at 48 kHz.
///
/// Decoding allocates nothing.
#[cfg(feature = "alloc")]
pub type Decoder = DecoderIn<Box<[f32]>>;

#[cfg(feature = "alloc")]
impl Decoder {
    /// A decoder for frames of this sampling rate, in hertz, and duration.
    pub fn new(sample_rate: u32, duration: FrameDuration) -> Result<Self, ConfigError> {
        let format = Format::new(sample_rate, duration)?;
        let memory = alloc::vec![0.0; Parts::of(&format).len()].into_boxed_slice();
        Ok(Self::with_format(format, memory))
    }
}

/// A decoder of one channel, with its state in memory of the caller's: an array where there is no heap.
///
/// ```
/// use glasslink_lc3::{DecoderIn, FrameDuration};
///
/// const LEN: usize = DecoderIn::memory_len(16_000, FrameDuration::Ms10);
/// let decoder = DecoderIn::new_in([0.0; LEN], 16_000, FrameDuration::Ms10)?;
/// assert_eq!(decoder.frame_samples(), 160);
/// # Ok::<(), glasslink_lc3::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct DecoderIn<M> {
    format: Format,
    parts: Parts,
    postfilter: Synthesis,
    concealment: Concealment,
    memory: M,
}

/// How the memory is divided.
#[derive(Debug, Clone, Copy)]
struct Parts {
    /// Past output, for the postfilter.
    history: usize,
    /// The end of the last frame, which laps over the next one.
    overlap: usize,
    /// The last good spectrum.
    spectrum: usize,
    /// The output frame, behind the past output.
    frame: usize,
}

impl Parts {
    const fn of(format: &Format) -> Self {
        Self {
            history: history_len(format),
            overlap: format.overlap,
            spectrum: format.lines,
            frame: format.samples,
        }
    }

    const fn len(&self) -> usize {
        self.history + self.frame + self.overlap + self.spectrum
    }
}

impl DecoderIn<[f32; 0]> {
    /// Values of memory that a decoder wants; 0 at a sampling rate that LC3 does not know.
    pub const fn memory_len(sample_rate: u32, duration: FrameDuration) -> usize {
        match Format::new(sample_rate, duration) {
            Ok(format) => Parts::of(&format).len(),
            Err(_) => 0,
        }
    }
}

impl<M> DecoderIn<M> {
    /// Samples of a frame.
    pub const fn frame_samples(&self) -> usize {
        self.format.samples
    }

    /// Sampling rate in hertz.
    pub const fn sample_rate(&self) -> u32 {
        self.format.sample_rate
    }

    /// Nominal duration of a frame.
    pub const fn frame_duration(&self) -> FrameDuration {
        self.format.duration
    }

    /// Samples by which what is encoded and decoded again lags behind.
    pub const fn delay_samples(&self) -> usize {
        self.format.delay()
    }

    fn with_format(format: Format, memory: M) -> Self {
        Self {
            format,
            parts: Parts::of(&format),
            postfilter: Synthesis::default(),
            concealment: Concealment::new(),
            memory,
        }
    }
}

impl<M: AsRef<[f32]> + AsMut<[f32]>> DecoderIn<M> {
    /// A decoder with its state in `memory`, which it clears: [`DecoderIn::memory_len`] values or more.
    pub fn new_in(mut memory: M, sample_rate: u32, duration: FrameDuration) -> Result<Self, ConfigError> {
        let format = Format::new(sample_rate, duration)?;
        let (needed, given) = (Parts::of(&format).len(), memory.as_ref().len());
        if given < needed {
            return Err(ConfigError::Memory { needed, given });
        }
        memory.as_mut().fill(0.0);
        Ok(Self::with_format(format, memory))
    }

    /// Decodes a frame of 20 to 400 bytes, or makes up a lost one (`None`), to [`Self::frame_samples`] samples.
    ///
    /// Frames may differ in length. LC3 has no checksum: only some damage shows, and then the frame is
    /// concealed. Where the transport knows that a frame is damaged, pass `None`.
    pub fn decode(&mut self, frame: Option<&[u8]>, pcm: &mut [i16]) -> Result<Decoded, DecodeError> {
        self.decode_channel(frame, pcm, Channel::MONO)
    }

    /// Like [`Self::decode`], to samples within ±1.
    pub fn decode_f32(&mut self, frame: Option<&[u8]>, pcm: &mut [f32]) -> Result<Decoded, DecodeError> {
        self.decode_channel(frame, pcm, Channel::MONO)
    }

    /// Like [`Self::decode`], to one channel of interleaved samples; those of the other channels stay as they
    /// are.
    pub fn decode_channel<S: Sample>(
        &mut self,
        frame: Option<&[u8]>,
        pcm: &mut [S],
        channel: Channel,
    ) -> Result<Decoded, DecodeError> {
        if !channel.exists() {
            return Err(DecodeError::Channel(channel));
        }
        let expected = self.format.samples.saturating_mul(channel.of);
        if pcm.len() != expected {
            return Err(DecodeError::PcmLength { expected, given: pcm.len() });
        }
        if let Some(frame) = frame
            && !(MIN_FRAME_BYTES..=MAX_FRAME_BYTES).contains(&frame.len())
        {
            return Err(DecodeError::FrameLength(frame.len()));
        }
        let decoded = self.run(frame);
        let at = self.parts.history;
        let samples = &self.memory.as_ref()[at..at + self.format.samples];
        if channel.of == 1 {
            for (pcm, &x) in pcm.iter_mut().zip(samples) {
                *pcm = S::from_scale(x);
            }
        } else {
            for (pcm, &x) in pcm[channel.index..].iter_mut().step_by(channel.of).zip(samples) {
                *pcm = S::from_scale(x);
            }
        }
        Ok(decoded)
    }

    /// Decodes to the frame within the memory.
    fn run(&mut self, frame: Option<&[u8]>) -> Decoded {
        let Self { format, parts, postfilter, concealment, memory } = self;
        let (out, rest) = memory.as_mut().split_at_mut(parts.history + parts.frame);
        let (overlap, rest) = rest.split_at_mut(parts.overlap);
        let last = &mut rest[..parts.spectrum];

        let mut spectrum = [0.0; MAX_SAMPLES];
        let x = &mut spectrum;
        let side = frame.and_then(|frame| read(format, frame, x));
        if let Some(side) = &side {
            concealment.reset();
            side.tns.synthesise(format, side.bandwidth, x);
            shaping::apply(format, &side.shaping.scale_factors(), Shaping::Restore, x);
            last.copy_from_slice(&x[..format.lines]);
        } else {
            concealment.run(last, x);
        }
        x[format.lines..].fill(0.0);

        out.copy_within(parts.frame.., 0);
        let mut scratch = [0.0; MAX_SAMPLES];
        let frame_out = &mut out[parts.history..];
        mdct::inverse(format, x, &mut scratch, overlap, frame_out);
        let bytes = frame.map_or(MIN_FRAME_BYTES, <[u8]>::len);
        postfilter.run(format, bytes, side.and_then(|side| side.pitch), out);
        if side.is_some() { Decoded::Ok } else { Decoded::Concealed }
    }
}

impl<M> fmt::Debug for DecoderIn<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("sample_rate", &self.format.sample_rate)
            .field("duration", &self.format.duration)
            .finish_non_exhaustive()
    }
}

/// What a frame says beside its spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Side {
    bandwidth: usize,
    header: Header,
    tns: Tns,
    pitch: Option<Pitch>,
    shaping: ShapingIndex,
}

/// Reads a frame, its spectrum into `x`; `None` if it cannot be what an encoder wrote.
fn read(format: &Format, frame: &[u8], x: &mut [f32]) -> Option<Side> {
    let mut bits = Reader::new(frame);
    let bandwidth = match format.bandwidth_bits() {
        0 => 0,
        count => bits.bits(count) as usize,
    };
    if bandwidth > format.rate.index() {
        return None;
    }
    let header = Header::read(&mut bits, format)?;
    let tns = Tns::read(&mut bits, format, bandwidth, frame.len());
    let has_pitch = bits.bit();
    let shaping = ShapingIndex::read(&mut bits)?;
    let pitch = has_pitch.then(|| Pitch::read(&mut bits));
    let noise_level = bits.bits(3) as u8;
    let spectrum = Coded { format, bandwidth, bytes: frame.len(), header, noise_level };
    spectrum.read(&mut bits, x)?;
    (!bits.overrun()).then_some(Side { bandwidth, header, tns, pitch, shaping })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::liblc3::Library;
    use crate::support::{SETUPS, encode_liblc3, encode_ours, signals};

    #[test]
    fn the_side_information_of_a_voice_is_that_of_liblc3() {
        let Some(library) = Library::open() else { return };
        for setup in SETUPS {
            let format = Format::new(setup.rate, setup.duration).unwrap();
            let pcm = signals::voice(setup.rate, 5.0);
            let (theirs, ours) = (encode_liblc3(&library, setup, &pcm), encode_ours(setup, &pcm));
            // All but the noise level, which versions of liblc3 set differently where there are no holes to fill.
            let side = |frame| read(&format, frame, &mut [0.0; MAX_SAMPLES]).unwrap();
            let same = theirs.iter().zip(&ours).filter(|(a, b)| side(a) == side(b)).count();
            assert!(same * 100 >= ours.len() * 95, "{setup}: {same} of {}", ours.len());
        }
    }
}

//! The encoder.

use core::fmt;

use crate::attack::{self, AttackDetector};
use crate::bandwidth;
use crate::bitstream::Writer;
use crate::format::{
    ConfigError, Format, FrameDuration, MAX_BANDS, MAX_FRAME_BYTES, MAX_OVERLAP, MAX_SAMPLES, MIN_FRAME_BYTES,
};
use crate::mdct;
use crate::pcm::{Channel, Sample};
use crate::postfilter::{Analysis, PAST};
use crate::shaping::{self, SHAPING_BITS, Shaping};
use crate::spectrum::Quantiser;
use crate::tns;

/// Why a call did not encode anything. The encoder is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The room for the frame has this many bytes; LC3 frames have 20 to 400. The length is the bit rate:
    /// see [`frame_bytes`](crate::frame_bytes).
    FrameLength(usize),
    /// The samples are not those of one frame of as many channels as interleave. Pad the last frame with zeros.
    PcmLength {
        /// Samples wanted.
        expected: usize,
        /// Samples given.
        given: usize,
    },
    /// There is no such channel: its index is not below the number of channels.
    Channel(Channel),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrameLength(bytes) => write!(f, "an LC3 frame has 20 to 400 bytes, not {bytes}"),
            Self::PcmLength { expected, given } => write!(f, "{expected} samples are wanted, not {given}"),
            Self::Channel(Channel { index, of }) => write!(f, "there is no channel {index} of {of}"),
        }
    }
}

impl core::error::Error for EncodeError {}

/// An encoder of one channel.
///
/// Encoding allocates nothing, and nor does the encoder: it is 3 KB at any rate.
#[derive(Clone)]
pub struct Encoder {
    format: Format,
    /// The last samples before the frame.
    past: [i16; PAST],
    overlap: [f32; MAX_OVERLAP],
    attack: AttackDetector,
    postfilter: Analysis,
    quantiser: Quantiser,
}

impl Encoder {
    /// An encoder for frames of this sampling rate, in hertz, and duration.
    pub fn new(sample_rate: u32, duration: FrameDuration) -> Result<Self, ConfigError> {
        Ok(Self {
            format: Format::new(sample_rate, duration)?,
            past: [0; PAST],
            overlap: [0.0; MAX_OVERLAP],
            attack: AttackDetector::default(),
            postfilter: Analysis::new(),
            quantiser: Quantiser::default(),
        })
    }

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

    /// Encodes [`Self::frame_samples`] samples to a frame that fills `frame`: 20 to 400 bytes, any number from
    /// frame to frame.
    pub fn encode(&mut self, pcm: &[i16], frame: &mut [u8]) -> Result<(), EncodeError> {
        self.encode_channel(pcm, Channel::MONO, frame)
    }

    /// Like [`Self::encode`], of samples within ±1. What is beyond is clipped; what is not a number is silence.
    pub fn encode_f32(&mut self, pcm: &[f32], frame: &mut [u8]) -> Result<(), EncodeError> {
        self.encode_channel(pcm, Channel::MONO, frame)
    }

    /// Like [`Self::encode`], of one channel of interleaved samples.
    pub fn encode_channel<S: Sample>(
        &mut self,
        pcm: &[S],
        channel: Channel,
        frame: &mut [u8],
    ) -> Result<(), EncodeError> {
        if !channel.exists() {
            return Err(EncodeError::Channel(channel));
        }
        let expected = self.format.samples.saturating_mul(channel.of);
        if pcm.len() != expected {
            return Err(EncodeError::PcmLength { expected, given: pcm.len() });
        }
        if !(MIN_FRAME_BYTES..=MAX_FRAME_BYTES).contains(&frame.len()) {
            return Err(EncodeError::FrameLength(frame.len()));
        }
        let mut time = [0i16; PAST + MAX_SAMPLES];
        let mut x = [0.0f32; MAX_SAMPLES];
        for ((t, x), pcm) in
            time[PAST..].iter_mut().zip(&mut x).zip(pcm[channel.index..].iter().step_by(channel.of))
        {
            *x = pcm.to_scale();
            *t = pcm.to_i16();
        }
        time[..PAST].copy_from_slice(&self.past);
        self.run(&time[..PAST + self.format.samples], &mut x, frame);
        Ok(())
    }

    /// Encodes the frame in `x`; `time` is the same in whole numbers, after [`PAST`] earlier samples.
    fn run(&mut self, time: &[i16], x: &mut [f32; MAX_SAMPLES], frame: &mut [u8]) {
        let format = &self.format;
        let bytes = frame.len();
        let attack = self.attack.run(format, bytes, &time[PAST - attack::PAST..]);
        let mut pitch = self.postfilter.run(format, time);
        self.past.copy_from_slice(&time[format.samples..]);

        let mut scratch = [0.0; MAX_SAMPLES];
        let x = mdct::forward(format, x, &mut self.overlap, &mut scratch);
        let mut energies = [0.0; MAX_BANDS];
        let energies = band_energies(format, x, &mut energies);
        let near_nyquist = near_nyquist(format, energies);
        if near_nyquist && let Some(pitch) = &mut pitch {
            pitch.active = false;
        }
        let bandwidth = bandwidth::detect(format, energies);
        let shaping = shaping::quantise(&shaping::scale_factors(format, energies, attack));
        shaping::apply(format, &shaping.scale_factors(), Shaping::Flatten, x);
        let tns = tns::analyse(format, bandwidth, near_nyquist, bytes, x);

        let pitch_bits = if pitch.is_some() { 11 } else { 1 };
        // The count of pairs, the mode bit and what the arithmetic coder may need to finish.
        let coder_bits = format.pair_count_bits() as usize + 3 + ((bytes - 1) / 160).min(2);
        let (gain_bits, noise_bits) = (8, 3);
        let side = coder_bits
            + format.bandwidth_bits() as usize
            + pitch_bits
            + SHAPING_BITS
            + tns.bits()
            + gain_bits
            + noise_bits;
        let spectrum = self.quantiser.run(format, bytes, 8 * bytes as i32 - side as i32, x);

        let mut bits = Writer::new(frame);
        bits.bits(bandwidth as u32, format.bandwidth_bits());
        spectrum.write_header(&mut bits, format);
        tns.write(&mut bits);
        bits.bit(pitch.is_some());
        shaping.write(&mut bits);
        if let Some(pitch) = pitch {
            pitch.write(&mut bits);
        }
        spectrum.write(&mut bits, format, bandwidth, bytes);
        bits.finish();
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("sample_rate", &self.format.sample_rate)
            .field("duration", &self.format.duration)
            .finish_non_exhaustive()
    }
}

/// Mean energy of the lines of each band.
fn band_energies<'a>(format: &Format, x: &[f32], energies: &'a mut [f32; MAX_BANDS]) -> &'a [f32] {
    let edges = format.band_edges();
    for (energy, edge) in energies.iter_mut().zip(edges.windows(2)) {
        let band = &x[usize::from(edge[0])..usize::from(edge[1])];
        *energy = band.iter().map(|x| x * x).sum::<f32>() / band.len() as f32;
    }
    &energies[..edges.len() - 1]
}

/// Whether nearly all energy is in the highest bands, where prediction and postfilter do harm.
fn near_nyquist(format: &Format, energies: &[f32]) -> bool {
    let high = match format.duration {
        FrameDuration::Ms7_5 => 4,
        FrameDuration::Ms10 => 2,
    };
    let (low, high) = energies.split_at(energies.len() - high);
    high.iter().sum::<f32>() > 30.0 * low.iter().sum::<f32>()
}

//! What the two ends must agree on beforehand: sampling rate and frame duration.

use core::fmt;

use crate::tables::{bands, windows};

/// Bytes of the smallest frame LC3 knows.
pub const MIN_FRAME_BYTES: usize = 20;
/// Bytes of the largest frame LC3 knows.
pub const MAX_FRAME_BYTES: usize = 400;

/// Samples of the longest frame (48 kHz, 10 ms).
pub(crate) const MAX_SAMPLES: usize = 480;
/// Lines of the widest coded spectrum: 20 kHz.
pub(crate) const MAX_LINES: usize = 400;
/// Samples of the longest overlap of two frames.
pub(crate) const MAX_OVERLAP: usize = 300;
/// Bands in which the spectrum is weighed.
pub(crate) const MAX_BANDS: usize = 64;

/// Nominal duration of a frame.
///
/// At 44.1 kHz frames have as many samples as at 48 kHz, so that they last 8.163 and 10.884 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameDuration {
    /// 7.5 ms.
    Ms7_5,
    /// 10 ms.
    Ms10,
}

/// Why a stream cannot be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// LC3 has no such sampling rate, in hertz. Resample to 8, 16, 24, 32, 44.1 or 48 kHz.
    SampleRate(u32),
    /// The memory given to a decoder is too small. It wants `needed` values; see
    /// [`DecoderIn::memory_len`](crate::DecoderIn::memory_len).
    Memory {
        /// Values it wants.
        needed: usize,
        /// Values it got.
        given: usize,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SampleRate(hz) => {
                write!(f, "LC3 knows 8, 16, 24, 32, 44.1 and 48 kHz, not {hz} Hz")
            }
            Self::Memory { needed, given } => {
                write!(f, "the decoder needs memory for {needed} values, not {given}")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

/// The five sets of tables; 44.1 kHz uses those of 48 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rate {
    K8,
    K16,
    K24,
    K32,
    K48,
}

impl Rate {
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    const fn from_hz(hz: u32) -> Option<Self> {
        Some(match hz {
            8_000 => Self::K8,
            16_000 => Self::K16,
            24_000 => Self::K24,
            32_000 => Self::K32,
            44_100 | 48_000 => Self::K48,
            _ => return None,
        })
    }
}

/// Sizes and tables that follow from rate and duration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) sample_rate: u32,
    pub(crate) rate: Rate,
    pub(crate) duration: FrameDuration,
    /// Samples of a frame.
    pub(crate) samples: usize,
    /// Coded spectral lines.
    pub(crate) lines: usize,
    /// Samples a frame shares with the next one.
    pub(crate) overlap: usize,
}

impl Format {
    pub(crate) const fn new(sample_rate: u32, duration: FrameDuration) -> Result<Self, ConfigError> {
        let Some(rate) = Rate::from_hz(sample_rate) else {
            return Err(ConfigError::SampleRate(sample_rate));
        };
        let kilohertz = match rate {
            Rate::K8 => 8,
            Rate::K16 => 16,
            Rate::K24 => 24,
            Rate::K32 => 32,
            Rate::K48 => 48,
        };
        let coded_kilohertz = if kilohertz > 40 { 40 } else { kilohertz };
        let (samples, lines, overlap) = match duration {
            FrameDuration::Ms7_5 => (kilohertz * 15 / 2, coded_kilohertz * 15 / 2, kilohertz * 23 / 4),
            FrameDuration::Ms10 => (kilohertz * 10, coded_kilohertz * 10, kilohertz * 25 / 4),
        };
        Ok(Self { sample_rate, rate, duration, samples, lines, overlap })
    }

    /// Frame duration in units of 2.5 ms.
    pub(crate) const fn quarters(&self) -> usize {
        match self.duration {
            FrameDuration::Ms7_5 => 3,
            FrameDuration::Ms10 => 4,
        }
    }

    /// Samples of 10 ms, whatever the frame duration.
    pub(crate) const fn samples_10ms(&self) -> usize {
        self.samples / self.quarters() * 4
    }

    /// Samples by which encoding and decoding delay, beyond the frame itself.
    pub(crate) const fn delay(&self) -> usize {
        2 * self.overlap - self.samples
    }

    /// Lines below the given audio bandwidth.
    pub(crate) const fn lines_of(&self, bandwidth: usize) -> usize {
        let of_10ms = [80, 160, 240, 320, 400][bandwidth];
        of_10ms / 4 * self.quarters()
    }

    pub(crate) fn window(&self) -> &'static [f32] {
        match (self.duration, self.rate) {
            (FrameDuration::Ms7_5, Rate::K8) => &windows::WINDOW_7_5_8K,
            (FrameDuration::Ms7_5, Rate::K16) => &windows::WINDOW_7_5_16K,
            (FrameDuration::Ms7_5, Rate::K24) => &windows::WINDOW_7_5_24K,
            (FrameDuration::Ms7_5, Rate::K32) => &windows::WINDOW_7_5_32K,
            (FrameDuration::Ms7_5, Rate::K48) => &windows::WINDOW_7_5_48K,
            (FrameDuration::Ms10, Rate::K8) => &windows::WINDOW_10_8K,
            (FrameDuration::Ms10, Rate::K16) => &windows::WINDOW_10_16K,
            (FrameDuration::Ms10, Rate::K24) => &windows::WINDOW_10_24K,
            (FrameDuration::Ms10, Rate::K32) => &windows::WINDOW_10_32K,
            (FrameDuration::Ms10, Rate::K48) => &windows::WINDOW_10_48K,
        }
    }

    /// Edges of the bands: one more than there are bands.
    pub(crate) fn band_edges(&self) -> &'static [u16] {
        match (self.duration, self.rate) {
            (FrameDuration::Ms7_5, Rate::K8) => &bands::EDGES_7_5_8K,
            (FrameDuration::Ms7_5, Rate::K16) => &bands::EDGES_7_5_16K,
            (FrameDuration::Ms7_5, Rate::K24) => &bands::EDGES_7_5_24K,
            (FrameDuration::Ms7_5, Rate::K32) => &bands::EDGES_7_5_32K,
            (FrameDuration::Ms7_5, Rate::K48) => &bands::EDGES_7_5_48K,
            (FrameDuration::Ms10, Rate::K8) => &bands::EDGES_10_8K,
            (FrameDuration::Ms10, Rate::K16) => &bands::EDGES_10_16K,
            (FrameDuration::Ms10, Rate::K24) => &bands::EDGES_10_24K,
            (FrameDuration::Ms10, Rate::K32) => &bands::EDGES_10_32K,
            (FrameDuration::Ms10, Rate::K48) => &bands::EDGES_10_48K,
        }
    }

    /// Bits that say how many pairs of lines are coded.
    pub(crate) const fn pair_count_bits(&self) -> u32 {
        // The smallest that can count the pairs.
        (self.lines as u32 / 2).next_power_of_two().trailing_zeros()
    }

    /// Bits that say the audio bandwidth.
    pub(crate) const fn bandwidth_bits(&self) -> u32 {
        [0, 1, 2, 2, 3][self.rate.index()]
    }

    /// The offset of the global gain's index, which depends on the bit rate.
    pub(crate) fn gain_offset(&self, bytes: usize) -> i32 {
        let step = 1 + self.rate.index();
        let by_rate = (bytes * 8 / (10 * step)).min(115);
        (105 + 5 * step + by_rate).min(255) as i32
    }

    /// Whether the bit rate is high enough for the second set of probability models.
    pub(crate) fn high_rate(&self, bytes: usize) -> bool {
        bytes > 20 * (1 + self.rate.index())
    }

    /// Whether the encoder may leave out least significant bits.
    pub(crate) fn may_drop_lsb(&self, bytes: usize) -> bool {
        bytes >= 20 * (3 + self.rate.index())
    }
}

/// Bytes of a frame at a bit rate in bit/s, within what LC3 allows: the nominal duration counts, except that
/// frames at 44.1 kHz really last longer.
///
/// ```
/// use glasslink_lc3::{FrameDuration, frame_bytes};
///
/// assert_eq!(frame_bytes(16_000, FrameDuration::Ms10, 32_000)?, 40);
/// assert_eq!(frame_bytes(44_100, FrameDuration::Ms10, 95_550)?, 130);
/// # Ok::<(), glasslink_lc3::ConfigError>(())
/// ```
pub const fn frame_bytes(
    sample_rate: u32,
    duration: FrameDuration,
    bit_rate: u32,
) -> Result<usize, ConfigError> {
    let format = match Format::new(sample_rate, duration) {
        Ok(format) => format,
        Err(error) => return Err(error),
    };
    let bytes = (bit_rate as u64 * format.samples as u64 + 4 * sample_rate as u64) / (8 * sample_rate as u64);
    Ok(if bytes < MIN_FRAME_BYTES as u64 {
        MIN_FRAME_BYTES
    } else if bytes > MAX_FRAME_BYTES as u64 {
        MAX_FRAME_BYTES
    } else {
        bytes as usize
    })
}

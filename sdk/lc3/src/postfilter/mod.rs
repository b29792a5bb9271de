//! The long-term postfilter: the encoder finds the pitch, the decoder filters between its harmonics.

mod analysis;
mod pitch;
mod resample;
mod synthesis;

pub(crate) use analysis::Analysis;
pub(crate) use resample::PAST;
pub(crate) use synthesis::{Synthesis, history_len};

use crate::bitstream::{Reader, Writer};

/// What the encoder tells of the pitch, where it found one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pitch {
    /// Whether the decoder is to filter.
    pub(crate) active: bool,
    /// The lag as coded: 0 to 511.
    pub(crate) index: u16,
}

impl Pitch {
    pub(crate) fn read(bits: &mut Reader<'_>) -> Self {
        let active = bits.bit();
        Self { active, index: bits.bits(9) as u16 }
    }

    pub(crate) fn write(self, bits: &mut Writer<'_>) {
        bits.bit(self.active);
        bits.bits(u32::from(self.index), 9);
    }

    /// The lag at 12.8 kHz, in quarters of a sample.
    const fn quarters(self) -> usize {
        let index = self.index as usize;
        if index >= 440 {
            4 * (index - 283)
        } else if index >= 380 {
            4 * (index / 2 - 63) + 2 * (index % 2)
        } else {
            4 * (index / 4 + 32) + index % 4
        }
    }
}

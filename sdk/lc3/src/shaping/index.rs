//! How the scale factors are named in the bit stream.

use super::{GAINS, ScaleFactors, reconstruct};
use crate::bitstream::{Reader, Writer};
use crate::tables::sns::PVQ_OFFSETS;

/// Vectors of 10 pulses in 10 dimensions, signs of all but the first pulse included.
const SIZE_10: u32 = 2_390_004;
/// Vectors of 8 pulses in 16 dimensions.
const SIZE_16: u32 = 15_158_272;
/// Vectors of 6 pulses in 16 dimensions, twice for the gain's low bit.
const SIZE_16_FAR: u32 = 1_549_824;

/// Bits the index takes.
pub(crate) const SHAPING_BITS: usize = 38;

/// The quantised scale factors: two codebook entries and a vector of pulses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShapingIndex {
    pub(crate) low: usize,
    pub(crate) high: usize,
    /// 0: 10 pulses among the first ten and one among the last six; 1: 10 among the first ten; 2: 8; 3: 6.
    pub(crate) shape: usize,
    pub(crate) gain: usize,
    pub(crate) pulses: [i32; 16],
}

impl ShapingIndex {
    /// Reads an index; `None` if it stands for nothing.
    pub(crate) fn read(bits: &mut Reader<'_>) -> Option<Self> {
        let low = bits.bits(5) as usize;
        let high = bits.bits(5) as usize;
        let far = bits.bit();
        let mut gain = bits.bits(1 + u32::from(far)) as usize;
        let sign = bits.bit();
        let code = bits.bits(25 - u32::from(far));
        let mut pulses = [0; 16];
        let shape = if far {
            if code >= SIZE_16 + SIZE_16_FAR {
                return None;
            }
            if code < SIZE_16 {
                place(code, sign, 8, &mut pulses);
                2
            } else {
                let code = code - SIZE_16;
                place(code / 2, sign, 6, &mut pulses);
                gain = 2 * gain + code as usize % 2;
                3
            }
        } else {
            if code >= SIZE_10 * 14 {
                return None;
            }
            place(code % SIZE_10, sign, 10, &mut pulses[..10]);
            let rest = code / SIZE_10;
            if rest < 2 {
                gain = 2 * gain + rest as usize;
                1
            } else {
                place((rest - 2) / 2, rest % 2 == 1, 1, &mut pulses[10..]);
                0
            }
        };
        Some(Self { low, high, shape, gain, pulses })
    }

    pub(crate) fn write(&self, bits: &mut Writer<'_>) {
        bits.bits(self.low as u32, 5);
        bits.bits(self.high as u32, 5);
        let far = self.shape >= 2;
        bits.bit(far);
        let gain = self.gain as u32;
        if far {
            let (index, sign) = enumerate(&self.pulses);
            let (high_gain, code) =
                if self.shape == 2 { (gain, index) } else { (gain >> 1, SIZE_16 + 2 * index + gain % 2) };
            bits.bits(high_gain, 2);
            bits.bit(sign);
            bits.bits(code, 24);
        } else {
            let (index, sign) = enumerate(&self.pulses[..10]);
            let (high_gain, top) = if self.shape == 0 {
                let (index, sign) = enumerate(&self.pulses[10..]);
                (gain, 2 * (index + 1) + u32::from(sign))
            } else {
                (gain >> 1, gain % 2)
            };
            bits.bits(high_gain, 1);
            bits.bit(sign);
            bits.bits(top * SIZE_10 + index, 25);
        }
    }

    pub(crate) fn scale_factors(&self) -> ScaleFactors {
        reconstruct(self.low, self.high, &self.pulses, GAINS[self.shape][self.gain])
    }
}

/// Number of a vector among those with as many pulses, and the sign of its first pulse.
fn enumerate(pulses: &[i32]) -> (u32, bool) {
    let mut index = 0;
    let mut sign = false;
    let mut count = 0;
    // From the last place, whose row of offsets is the first.
    for (&pulse, offsets) in pulses.iter().rev().zip(&PVQ_OFFSETS) {
        if pulse != 0 {
            // The sign of every pulse but the first one becomes a bit of the index.
            index = if count == 0 { index } else { index << 1 | u32::from(sign) };
            sign = pulse < 0;
        }
        index += offsets[count];
        count += pulse.unsigned_abs() as usize;
    }
    (index, sign)
}

/// The vector that `index` and `sign` name, of `count` pulses.
fn place(mut index: u32, mut sign: bool, count: usize, pulses: &mut [i32]) {
    let mut left = count;
    let places = pulses.len();
    for (pulse, offsets) in pulses.iter_mut().zip(PVQ_OFFSETS[..places].iter().rev()) {
        if index == 0 {
            // All that is left is here.
            *pulse = if sign { -(left as i32) } else { left as i32 };
            return;
        }
        let mut here = 0;
        while index < offsets[left - here] {
            here += 1;
        }
        index -= offsets[left - here];
        left -= here;
        if here > 0 {
            *pulse = if sign { -(here as i32) } else { here as i32 };
            sign = index & 1 == 1;
            index >>= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulse_vectors_survive_their_number() {
        for (size, count, places) in
            [(SIZE_10, 10, 10), (SIZE_16, 8, 16), (SIZE_16_FAR / 2, 6, 16), (6, 1, 6)]
        {
            for step in 0..2000 {
                let index = (u64::from(size) * step / 2000) as u32;
                for sign in [false, true] {
                    let mut pulses = [0; 16];
                    place(index, sign, count, &mut pulses[..places]);
                    let sum: u32 = pulses.iter().map(|p| p.unsigned_abs()).sum();
                    assert_eq!(sum as usize, count);
                    assert_eq!(enumerate(&pulses[..places]), (index, sign));
                }
            }
        }
    }
}

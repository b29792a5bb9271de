use super::gain::gain;
use super::{Context, noise};
use crate::bitstream::Reader;
use crate::format::Format;
use crate::tables::spectrum::SPECTRUM_MODELS;

/// Escapes after which a value could no longer be told from garbage.
const MAX_ESCAPES: u32 = 14;

/// What precedes the spectrum in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Coded lines; the rest is zero.
    pub(crate) coded: usize,
    /// Whether least significant bits stand at the end of the frame, as far as there was room.
    pub(crate) lsb_mode: bool,
    /// Index of the global gain.
    pub(crate) gain: u8,
}

impl Header {
    /// Reads the header; `None` if it counts more lines than there are.
    pub(crate) fn read(bits: &mut Reader<'_>, format: &Format) -> Option<Self> {
        let coded = 2 * (bits.bits(format.pair_count_bits()) as usize + 1);
        let lsb_mode = bits.bit();
        let gain = bits.bits(8) as u8;
        (coded <= format.lines).then_some(Self { coded, lsb_mode, gain })
    }
}

/// A spectrum as it stands in a frame of `bytes`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coded<'a> {
    pub(crate) format: &'a Format,
    pub(crate) bandwidth: usize,
    pub(crate) bytes: usize,
    pub(crate) header: Header,
    /// Of the noise in holes: 0 (loudest) to 7.
    pub(crate) noise_level: u8,
}

impl Coded<'_> {
    /// Reads the lines into `x`. `None`: the data make no sense.
    pub(crate) fn read(&self, bits: &mut Reader<'_>, x: &mut [f32]) -> Option<()> {
        let Self { format, header, .. } = self;
        let x = &mut x[..format.lines];
        let (coded, rest) = x.split_at_mut(header.coded);
        rest.fill(0.0);
        let mut seed = self.read_lines(bits, coded)?;
        let left = bits.left();
        if header.lsb_mode {
            seed = seed.wrapping_add(read_lsb(bits, left, coded));
        } else {
            refine(bits, left, coded);
        }
        let empty = header.coded == 2 && coded[0] == 0.0 && coded[1] == 0.0;
        let silent = empty && header.gain == 0 && self.noise_level == 7;
        let gain = gain(i32::from(header.gain) - format.gain_offset(self.bytes));
        for x in coded {
            *x *= gain;
        }
        if !silent {
            let level = gain * f32::from(8 - self.noise_level) / 16.0;
            noise::fill(format, self.bandwidth, level, seed, x);
        }
        Some(())
    }

    /// Reads the arithmetic-coded lines; returns the seed of the noise.
    fn read_lines(&self, bits: &mut Reader<'_>, x: &mut [f32]) -> Option<u16> {
        let mut context = Context::new(self.format.high_rate(self.bytes));
        let mut seed = 0u16;
        let upper_from = self.format.lines / 2 + 1;
        for (pair, x) in x.chunks_exact_mut(2).enumerate() {
            let at = 2 * pair;
            let models = context.models(at >= upper_from);
            let (mut a, mut b) = (0u32, 0u32);
            let mut escapes = 0;
            let mut shift = 0;
            let symbol = loop {
                let symbol = bits.symbol(&SPECTRUM_MODELS[usize::from(models[escapes])]);
                if symbol < 16 {
                    break symbol;
                }
                if shift == MAX_ESCAPES {
                    return None;
                }
                // In LSB mode the bits of the first escape come later.
                if !(self.header.lsb_mode && shift == 0) {
                    a |= bits.bits(1) << shift;
                    b |= bits.bits(1) << shift;
                }
                shift += 1;
                escapes = (escapes + 1).min(3);
            };
            let (top_a, top_b) = (symbol % 4, symbol / 4);
            a |= (top_a as u32) << shift;
            b |= (top_b as u32) << shift;
            x[0] = if a != 0 && bits.bit() { -(a as f32) } else { a as f32 };
            x[1] = if b != 0 && bits.bit() { -(b as f32) } else { b as f32 };
            let weighed = (a & 0x7fff) as usize * at + (b & 0x7fff) as usize * (at + 1);
            seed = seed.wrapping_add(weighed as u16);
            context.push(top_a + top_b, escapes);
        }
        Some(seed)
    }
}

/// Moves every line that is not zero up or down by a fraction of a step.
fn refine(bits: &mut Reader<'_>, left: usize, x: &mut [f32]) {
    for x in x.iter_mut().filter(|x| **x != 0.0).take(left) {
        let up = bits.bit();
        // Away from zero by 5/16, towards zero by 3/16.
        *x += match (up, *x > 0.0) {
            (true, true) => 5.0 / 16.0,
            (true, false) => 3.0 / 16.0,
            (false, true) => -3.0 / 16.0,
            (false, false) => -5.0 / 16.0,
        };
    }
}

/// Reads the least significant bits; returns what they add to the seed of the noise.
fn read_lsb(bits: &mut Reader<'_>, left: usize, x: &mut [f32]) -> u16 {
    let mut seed = 0u16;
    let mut left = left;
    let mut next = |bits: &mut Reader<'_>| {
        left = left.checked_sub(1)?;
        Some(bits.bit())
    };
    for (pair, x) in x.chunks_exact_mut(2).enumerate() {
        if x[0].abs().max(x[1].abs()) < 4.0 {
            continue;
        }
        for (i, x) in x.iter_mut().enumerate() {
            match next(bits) {
                None => return seed,
                Some(false) => {}
                Some(true) => {
                    *x = if *x > 0.0 {
                        *x + 1.0
                    } else if *x < 0.0 {
                        *x - 1.0
                    } else {
                        match next(bits) {
                            None => return seed,
                            Some(negative) => {
                                if negative {
                                    -1.0
                                } else {
                                    1.0
                                }
                            }
                        }
                    };
                    seed = seed.wrapping_add((2 * pair + i) as u16);
                }
            }
        }
    }
    seed
}

use super::quantise::Spectrum;
use super::{Context, noise};
use crate::bitstream::Writer;
use crate::format::Format;
use crate::tables::spectrum::SPECTRUM_MODELS;

impl Spectrum<'_> {
    /// Writes what precedes the spectrum in a frame.
    pub(crate) fn write_header(&self, bits: &mut Writer<'_>, format: &Format) {
        bits.bits((self.coded as u32 / 2).max(1) - 1, format.pair_count_bits());
        bits.bit(self.lsb_mode);
        bits.bits(u32::from(self.gain), 8);
    }

    /// Writes the lines and, with the bits left, refines them.
    pub(crate) fn write(&self, bits: &mut Writer<'_>, format: &Format, bandwidth: usize, bytes: usize) {
        bits.bits(noise::estimate(format, bandwidth, self.x, self.coded), 3);
        self.write_lines(bits, format, bytes);
        let left = bits.left();
        if self.lsb_mode {
            self.write_lsb(bits, left);
        } else {
            self.refine(bits, left);
        }
    }

    fn write_lines(&self, bits: &mut Writer<'_>, format: &Format, bytes: usize) {
        let mut context = Context::new(format.high_rate(bytes));
        let upper_from = format.lines / 2 + 1;
        let lines = self.x[..self.coded].chunks_exact(2).zip(self.magnitude.chunks_exact(2));
        for (pair, (x, m)) in lines.enumerate() {
            let models = context.models(2 * pair >= upper_from);
            let (mut a, mut b) = (u32::from(m[0]), u32::from(m[1]));
            let mut escapes = 0;
            let mut shift = 0;
            if (a | b) >> 2 != 0 {
                shift = 30 - (a | b).leading_zeros();
                for escape in 0..shift {
                    // In LSB mode the bits of the first escape come later.
                    if !(self.lsb_mode && escape == 0) {
                        bits.bits((a >> escape) & 1, 1);
                        bits.bits((b >> escape) & 1, 1);
                    }
                    bits.symbol(&SPECTRUM_MODELS[usize::from(models[(escape as usize).min(3)])], 16);
                }
                escapes = (shift as usize).min(3);
                if self.lsb_mode {
                    a &= !1;
                    b &= !1;
                }
            }
            if a != 0 {
                bits.bit(x[0] < 0.0);
            }
            if b != 0 {
                bits.bit(x[1] < 0.0);
            }
            let (top_a, top_b) = ((a >> shift) as usize, (b >> shift) as usize);
            bits.symbol(&SPECTRUM_MODELS[usize::from(models[escapes])], top_a + 4 * top_b);
            context.push(top_a + top_b, escapes);
        }
    }

    /// Says of every line that is not zero whether it was rounded down or up.
    fn refine(&self, bits: &mut Writer<'_>, left: usize) {
        let lines = self.x[..self.coded].iter().zip(&self.magnitude);
        for (x, m) in lines.filter(|(_, m)| **m != 0).take(left) {
            bits.bit((x.abs() >= f32::from(*m)) != (*x < 0.0));
        }
    }

    /// Writes the bits that were left out.
    fn write_lsb(&self, bits: &mut Writer<'_>, left: usize) {
        let mut left = left;
        let mut put = |bit: bool| {
            if left > 0 {
                left -= 1;
                bits.bit(bit);
            }
        };
        let lines = self.x[..self.coded].chunks_exact(2).zip(self.magnitude.chunks_exact(2));
        for (x, m) in lines.filter(|(_, m)| (m[0] | m[1]) >> 2 != 0) {
            for (x, m) in x.iter().zip(m) {
                put(m & 1 == 1);
                if *m == 1 {
                    put(*x < 0.0);
                }
            }
        }
    }
}

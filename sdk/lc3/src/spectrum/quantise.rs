//! The global gain that fills the frame, and the spectrum quantised with it.

use super::Context;
use super::gain::gain;
use crate::format::{Format, MAX_LINES};
use crate::math::{log2, sqrt};
use crate::tables::spectrum::SPECTRUM_BITS;

/// A line whose magnitude, in steps, is below this is zero.
const ZERO_BELOW: f32 = 0.625;

/// A quantised spectrum.
#[derive(Debug)]
pub(crate) struct Spectrum<'a> {
    /// The lines in steps of the quantiser, not rounded.
    pub(super) x: &'a [f32],
    /// Their magnitudes, rounded.
    pub(super) magnitude: [u16; MAX_LINES],
    /// Coded lines; those after are zero.
    pub(super) coded: usize,
    pub(super) lsb_mode: bool,
    pub(super) gain: u8,
}

/// State of the rate control between frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quantiser {
    /// Bits by which the estimate of what a gain costs has been off, smoothed.
    offset: f32,
    /// Bits the last frame left over before its gain was corrected.
    spare: i32,
}

impl Quantiser {
    /// Quantises `x`, which it scales, for `budget` bits in a frame of `bytes`.
    pub(crate) fn run<'a>(
        &mut self,
        format: &Format,
        bytes: usize,
        budget: i32,
        x: &'a mut [f32],
    ) -> Spectrum<'a> {
        let x = &mut x[..format.lines];
        let offset = 0.8 * self.offset + 0.2 * (self.offset + self.spare as f32).clamp(-40.0, 40.0);
        let gain_offset = format.gain_offset(bytes);
        let estimate = estimate(x, (budget as f32 + offset + 0.5) as i32, gain_offset);
        let mut step = estimate.step;

        let mut magnitude = [0; MAX_LINES];
        let coded = quantise(x, step, &mut magnitude);
        let cost = cost(format, bytes, &magnitude[..coded], None);
        if estimate.limited {
            (self.offset, self.spare) = (0.0, 0);
        } else {
            (self.offset, self.spare) = (offset, budget - cost.bits);
        }

        let correction = correct(format, step + gain_offset, cost.bits, budget, estimate.least + gain_offset);
        let mut coded = coded;
        if correction != 0 {
            coded = quantise(x, correction, &mut magnitude);
            step += correction;
        }
        let cost = self::cost(format, bytes, &magnitude[..coded], Some(budget));
        Spectrum {
            x,
            magnitude,
            coded: cost.coded,
            lsb_mode: cost.lsb_mode,
            gain: (step + gain_offset) as u8,
        }
    }
}

/// A first choice of the gain, without its offset.
struct Estimate {
    step: i32,
    /// The finest step with which no line is too large.
    least: i32,
    /// Whether that limited the choice, or all is silent.
    limited: bool,
}

/// Levels count in this many parts of a dB: whole numbers can be summed in any order, so in parallel.
const DB: i32 = 4096;

fn estimate(x: &[f32], bits: i32, gain_offset: i32) -> Estimate {
    // Levels of groups of four lines.
    let mut levels = [0; MAX_LINES / 4];
    let levels = &mut levels[..x.len() / 4];
    let mut largest = [0.0f32; 4];
    for (level, x) in levels.iter_mut().zip(x.as_chunks::<4>().0) {
        let square = x.map(|x| x * x);
        for (largest, square) in largest.iter_mut().zip(square) {
            *largest = if square > *largest { square } else { *largest };
        }
        let energy = (square[0] + square[2]) + (square[1] + square[3]);
        *level = (10.0 * core::f32::consts::LOG10_2 * DB as f32 * log2(energy.max(1e-10))) as i32;
    }
    let largest = sqrt(largest.iter().copied().fold(0.0, f32::max));

    // The finest step whose estimated cost fits, by halving.
    let allowed = i64::from(bits) * i64::from(DB) * 14 / 10;
    let mut step = 255 - gain_offset;
    let mut used = levels.len();
    for half in [128, 64, 32, 16, 8, 4, 2, 1] {
        let threshold = (step - half) * (20 * DB) / 28;
        // Nothing is coded above the last group that reaches the threshold.
        let top = levels[..used].iter().rposition(|&level| level >= threshold).map_or(0, |at| at + 1);
        let cost: i32 = levels[..top]
            .iter()
            .map(|level| match level - threshold {
                ..0 => 27 * DB / 10,
                above if above < 43 * DB => above + 7 * DB,
                above => 2 * above - 36 * DB,
            })
            .sum();
        if i64::from(cost) > allowed {
            used = top;
        } else {
            step -= half;
        }
    }

    let mut least = 255 - gain_offset;
    for half in [128, 64, 32, 16, 8, 4, 2, 1] {
        if 32767.0 * gain(least - half) > largest {
            least -= half;
        }
    }
    let limited = step < least || largest == 0.0;
    Estimate { step: if limited { least } else { step }, least, limited }
}

/// Divides `x` by a gain and rounds; returns how many lines there are up to the last that is not zero.
fn quantise(x: &mut [f32], step: i32, magnitude: &mut [u16; MAX_LINES]) -> usize {
    let scale = gain(-step);
    for (x, magnitude) in x.iter_mut().zip(magnitude.iter_mut()) {
        *x *= scale;
        *magnitude = (x.abs() + (1.0 - ZERO_BELOW)) as i32 as u16;
    }
    let last = magnitude[..x.len()].chunks_exact(2).rposition(|pair| pair[0] | pair[1] != 0);
    last.map_or(0, |pair| 2 * pair + 2)
}

/// What a spectrum takes.
struct Cost {
    bits: i32,
    /// Lines that fit.
    coded: usize,
    /// Whether it only fits if least significant bits are left out.
    lsb_mode: bool,
}

/// Counts the bits of a spectrum, or of as much of it as fits the budget.
fn cost(format: &Format, bytes: usize, magnitude: &[u16], budget: Option<i32>) -> Cost {
    let may_drop = format.may_drop_lsb(bytes);
    let limit = budget.map_or(i32::MAX, |bits| bits * 2048);
    let mut context = Context::new(format.high_rate(bytes));
    let upper_from = format.lines / 2 + 1;
    // In 1/2048 bit; bits that may be left out apart.
    let (mut bits, mut low_bits) = (0i32, 0i32);
    let (mut coded, mut coded_bits) = (0, 0);
    for (pair, m) in magnitude.chunks_exact(2).enumerate() {
        if bits > limit {
            break;
        }
        let at = 2 * pair;
        let models = context.models(at >= upper_from);
        let (a, b) = (u32::from(m[0]), u32::from(m[1]));
        let signs = i32::from(a != 0) + i32::from(b != 0);
        bits += signs * 2048;
        let mut escapes = 0;
        let (mut top_a, mut top_b) = (a, b);
        if (a | b) >> 2 != 0 {
            let shift = (30 - (a | b).leading_zeros()) as usize;
            for escape in 0..shift {
                bits += i32::from(SPECTRUM_BITS[usize::from(models[escape.min(3)])][16]) + 2 * 2048;
            }
            if may_drop {
                bits -= 2 * 2048;
                low_bits += 2 + i32::from(a == 1) + i32::from(b == 1);
            }
            top_a >>= shift;
            top_b >>= shift;
            escapes = shift.min(3);
        }
        bits += i32::from(SPECTRUM_BITS[usize::from(models[escapes])][(top_a + 4 * top_b) as usize]);
        if signs > 0 && bits <= limit {
            coded = at + 2;
            coded_bits = bits;
        }
        context.push((top_a + top_b) as usize, escapes);
    }
    let lsb_mode = may_drop && coded_bits + low_bits * 2048 > limit;
    if budget.is_none() {
        coded_bits += low_bits * 2048;
    }
    Cost { bits: (coded_bits + 2047) / 2048, coded, lsb_mode }
}

/// How far to move the gain after its true cost is known: -1 to 2 steps.
fn correct(format: &Format, index: i32, bits: i32, budget: i32, least: i32) -> i32 {
    let rate = format.rate.index() as i32;
    let (t1, t2, t3) = (80 + 150 * rate, 500 + 525 * rate, 850 + 850 * rate);
    // What one step is worth, in 48ths of a bit or finer.
    let (tolerance, unit) = if bits < t1 {
        (3 * (bits + 48), 48)
    } else if bits < t2 {
        let from = 3 * (t1 + 48);
        let range = t2 - t1;
        (from * range + (bits - t1) * (t2 - from), 48 * range)
    } else {
        (bits.min(t3), 48)
    };
    let tolerance = (tolerance + unit / 2) / unit;
    if bits < budget - (tolerance + 2) {
        -i32::from(index > least)
    } else if bits > budget {
        i32::from(index < 255) + i32::from(index < 254 && bits >= budget + tolerance)
    } else {
        0
    }
}

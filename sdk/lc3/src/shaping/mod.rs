//! Spectral noise shaping: sixteen scale factors that put the coding noise where the ear minds it least.

mod analysis;
mod apply;
mod index;
mod quantise;

pub(crate) use analysis::scale_factors;
pub(crate) use apply::{Shaping, apply};
pub(crate) use index::{SHAPING_BITS, ShapingIndex};
pub(crate) use quantise::quantise;

use crate::tables::sns::{SNS_HIGH, SNS_LOW};

/// The sixteen scale factors, in steps of log2.
pub(crate) type ScaleFactors = [f32; 16];

/// Gains of the pulse vector, by shape.
const GAINS: [&[f32]; 4] = [
    &[8915.0 / 4096.0, 12054.0 / 4096.0],
    &[6245.0 / 4096.0, 15043.0 / 4096.0, 17861.0 / 4096.0, 21014.0 / 4096.0],
    &[7099.0 / 4096.0, 9132.0 / 4096.0, 11253.0 / 4096.0, 14808.0 / 4096.0],
    &[
        4336.0 / 4096.0,
        5067.0 / 4096.0,
        5895.0 / 4096.0,
        8149.0 / 4096.0,
        10235.0 / 4096.0,
        12825.0 / 4096.0,
        16868.0 / 4096.0,
        19882.0 / 4096.0,
    ],
];

/// `DCT[i][j]`: what the pulse `j` contributes to scale factor `i`.
static DCT: [[f32; 16]; 16] = dct();

const fn dct() -> [[f32; 16]; 16] {
    let mut table = [[0.0; 16]; 16];
    let mut i = 0;
    while i < 16 {
        let mut j = 0;
        while j < 16 {
            // cos(PI j (2 i + 1) / 32), scaled by sqrt(2/16), or 1/4 for j = 0.
            let (_, cos) = crate::math::sin_cos_pi(j * (2 * i + 1), 32);
            table[i][j] = if j == 0 { 0.25 } else { (cos * 0.353_553_390_593_273_8) as f32 };
            j += 1;
        }
        i += 1;
    }
    table
}

/// A vector of pulses scaled to unit energy.
fn normalise(pulses: &[i32; 16]) -> [f32; 16] {
    let energy: i32 = pulses.iter().map(|p| p * p).sum();
    let scale = 1.0 / crate::math::sqrt(energy as f32);
    pulses.map(|p| p as f32 * scale)
}

/// The scale factors that codebook entries, shape and gain stand for.
fn reconstruct(low: usize, high: usize, unit: &[f32; 16], gain: f32) -> ScaleFactors {
    let base = SNS_LOW[low].iter().chain(&SNS_HIGH[high]);
    let mut factors = [0.0; 16];
    for ((factor, base), row) in factors.iter_mut().zip(base).zip(&DCT) {
        let sum: f32 = row.iter().zip(unit).map(|(d, u)| d * u).sum();
        *factor = base + gain * sum;
    }
    factors
}

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

/// `DCT[i][j]`: what a pulse at `j` contributes to scale factor `i`.
static DCT: [[f32; 16]; 16] = dct(false);
/// The same by pulse.
static DCT_BY_PULSE: [[f32; 16]; 16] = dct(true);

const fn dct(by_pulse: bool) -> [[f32; 16]; 16] {
    let mut table = [[0.0; 16]; 16];
    let mut i = 0;
    while i < 16 {
        let mut j = 0;
        while j < 16 {
            // cos(PI j (2 i + 1) / 32), scaled by sqrt(2/16), or 1/4 for j = 0.
            let (_, cos) = crate::math::sin_cos_pi(j * (2 * i + 1), 32);
            let value = if j == 0 { 0.25 } else { (cos * 0.353_553_390_593_273_8) as f32 };
            if by_pulse {
                table[j][i] = value;
            } else {
                table[i][j] = value;
            }
            j += 1;
        }
        i += 1;
    }
    table
}

/// The scale factors that codebook entries, pulses and gain stand for.
fn reconstruct(low: usize, high: usize, pulses: &[i32; 16], gain: f32) -> ScaleFactors {
    // The vector of pulses counts with unit energy.
    let energy: i32 = pulses.iter().map(|p| p * p).sum();
    let scale = gain / crate::math::sqrt(energy as f32);
    let mut factors = [0.0; 16];
    factors[..8].copy_from_slice(&SNS_LOW[low]);
    factors[8..].copy_from_slice(&SNS_HIGH[high]);
    for (pulse, row) in pulses.iter().zip(&DCT_BY_PULSE).filter(|(pulse, _)| **pulse != 0) {
        let weight = *pulse as f32 * scale;
        for (factor, share) in factors.iter_mut().zip(row) {
            *factor += weight * share;
        }
    }
    factors
}

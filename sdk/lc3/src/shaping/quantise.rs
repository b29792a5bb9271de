use super::{DCT, GAINS, ScaleFactors, ShapingIndex};
use crate::math::sqrt;
use crate::tables::sns::{SNS_HIGH, SNS_LOW};

/// The index whose scale factors come closest.
pub(crate) fn quantise(factors: &ScaleFactors) -> ShapingIndex {
    let low = nearest(&LOW_BY_FACTOR, &factors[..8]);
    let high = nearest(&HIGH_BY_FACTOR, &factors[8..]);
    let mut residual = *factors;
    for (r, base) in residual.iter_mut().zip(SNS_LOW[low].iter().chain(&SNS_HIGH[high])) {
        *r -= base;
    }
    let mut x = [0.0f32; 16];
    for (r, row) in residual.iter().zip(&DCT) {
        for (x, d) in x.iter_mut().zip(row) {
            *x += r * d;
        }
    }
    let shapes = Search::shapes(&x.map(f32::abs));
    let (mut shape, mut gain, mut least) = (0, 0, f32::INFINITY);
    for (s, (candidate, gains)) in shapes.iter().zip(GAINS).enumerate() {
        let correlation = candidate.correlation / sqrt(candidate.energy);
        for (g, value) in gains.iter().enumerate() {
            // The squared error, less the energy of `x`, which all have in common.
            let error = value * (value - 2.0 * correlation);
            if error < least {
                (shape, gain, least) = (s, g, error);
            }
        }
    }
    let mut pulses = shapes[shape].pulses;
    for (pulse, x) in pulses.iter_mut().zip(x) {
        if x < 0.0 {
            *pulse = -*pulse;
        }
    }
    ShapingIndex { low, high, shape, gain, pulses }
}

/// The codebooks by scale factor, so that all entries are tried side by side.
static LOW_BY_FACTOR: [[f32; 32]; 8] = by_factor(&SNS_LOW);
static HIGH_BY_FACTOR: [[f32; 32]; 8] = by_factor(&SNS_HIGH);

const fn by_factor(codebook: &[[f32; 8]; 32]) -> [[f32; 32]; 8] {
    let mut turned = [[0.0; 32]; 8];
    let mut i = 0;
    while i < 8 * 32 {
        turned[i % 8][i / 8] = codebook[i / 8][i % 8];
        i += 1;
    }
    turned
}

/// The entry closest to the factors.
fn nearest(by_factor: &[[f32; 32]; 8], factors: &[f32]) -> usize {
    let mut distances = [0.0f32; 32];
    for (row, factor) in by_factor.iter().zip(factors) {
        for (distance, entry) in distances.iter_mut().zip(row) {
            *distance += (factor - entry) * (factor - entry);
        }
    }
    let (mut best, mut least) = (0, f32::INFINITY);
    for (i, distance) in distances.into_iter().enumerate() {
        if distance < least {
            (best, least) = (i, distance);
        }
    }
    best
}

/// A vector of pulses on its way to as many as its shape has.
#[derive(Debug, Clone, Copy)]
struct Search {
    pulses: [i32; 16],
    count: i32,
    correlation: f32,
    energy: f32,
}

impl Search {
    /// The best vector of each shape for magnitudes `x`, found one from the other.
    fn shapes(x: &[f32; 16]) -> [Self; 4] {
        let mut search = Self { pulses: [0; 16], count: 0, correlation: 0.0, energy: 0.0 };
        let scale = 5.0 / x.iter().sum::<f32>().max(1e-31);
        for (pulse, x) in search.pulses.iter_mut().zip(x) {
            *pulse = (x * scale) as i32;
            search.count += *pulse;
            search.correlation += *pulse as f32 * x;
            search.energy += (*pulse * *pulse) as f32;
        }
        search.fill(x, 0, 16, 6);
        let six = search;
        search.fill(x, 0, 16, 8);
        let eight = search;
        for (pulse, x) in search.pulses.iter_mut().zip(x).skip(10) {
            search.count -= *pulse;
            search.correlation -= *pulse as f32 * x;
            search.energy -= (*pulse * *pulse) as f32;
            *pulse = 0;
        }
        search.fill(x, 0, 10, 10);
        let ten = search;
        search.fill(x, 10, 16, 11);
        [search, ten, eight, six]
    }

    /// Adds pulses one by one, each where it helps most, until there are `count`.
    fn fill(&mut self, x: &[f32; 16], from: usize, to: usize, count: i32) {
        while self.count < count {
            let (mut best, mut best_square, mut best_energy) = (from, -1.0f32, 1.0f32);
            for (i, (x, pulse)) in x.iter().zip(&self.pulses).enumerate().take(to).skip(from) {
                let correlation = self.correlation + x;
                let square = correlation * correlation;
                let energy = self.energy + (2 * pulse + 1) as f32;
                if square * best_energy > energy * best_square {
                    (best, best_square, best_energy) = (i, square, energy);
                }
            }
            self.correlation += x[best];
            self.energy = best_energy;
            self.pulses[best] += 1;
            self.count += 1;
        }
    }
}

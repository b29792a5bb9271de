use super::ScaleFactors;
use crate::format::{Format, FrameDuration, MAX_BANDS};
use crate::math::log2;

/// Pre-emphasis by rate: `10^(band * tilt / 630)`, for tilts of 14, 18, 22, 26 and 30.
static EMPHASIS: [[f32; MAX_BANDS]; 5] = emphasis();

const fn emphasis() -> [[f32; MAX_BANDS]; 5] {
    let mut table = [[0.0; MAX_BANDS]; 5];
    let mut rate = 0;
    while rate < 5 {
        let mut band = 0;
        while band < MAX_BANDS {
            let exponent = core::f64::consts::LN_10 * (band * (14 + 4 * rate)) as f64 / 630.0;
            let (mut sum, mut term, mut k) = (1.0, 1.0, 1);
            while k < 50 {
                term *= exponent / k as f64;
                sum += term;
                k += 1;
            }
            table[rate][band] = sum as f32;
            band += 1;
        }
        rate += 1;
    }
    table
}

/// The scale factors that suit the energies of the bands, before quantisation.
pub(crate) fn scale_factors(format: &Format, energies: &[f32], attack: bool) -> ScaleFactors {
    let mut e = [0.0f32; MAX_BANDS];
    let bands = energies.len();
    // Where there are fewer bands the lowest count twice.
    let doubled = MAX_BANDS - bands;
    for (pair, energy) in e.chunks_exact_mut(2).zip(&energies[..doubled]) {
        pair.fill(*energy);
    }
    e[2 * doubled..].copy_from_slice(&energies[doubled..]);

    let mut smooth = [0.0f32; MAX_BANDS];
    smooth[0] = 0.75 * e[0] + 0.25 * e[1];
    smooth[63] = 0.25 * e[62] + 0.75 * e[63];
    for (smooth, e) in smooth[1..].iter_mut().zip(e.windows(3)) {
        *smooth = 0.25 * e[0] + 0.5 * e[1] + 0.25 * e[2];
    }
    let mut sum = 0.0;
    for (smooth, emphasis) in smooth.iter_mut().zip(&EMPHASIS[format.rate.index()]) {
        *smooth *= emphasis;
        sum += *smooth;
    }
    // 40 dB below the mean, and never less than 2^-32.
    let floor = (sum * (1e-4 / 64.0)).max(2.328_306_4e-10);
    // With a margin of one, so that each factor sees six levels.
    let mut level = [0.0f32; MAX_BANDS + 2];
    for (level, smooth) in level[1..].iter_mut().zip(&smooth) {
        *level = 0.5 * log2(smooth.max(floor));
    }
    level[0] = level[1];
    level[65] = level[64];

    let mut factors = [0.0f32; 16];
    for (factor, l) in factors.iter_mut().zip((0..16).map(|i| &level[4 * i..4 * i + 6])) {
        *factor = (l[0] + l[5]) * (1.0 / 12.0) + (l[1] + l[4]) * (2.0 / 12.0) + (l[2] + l[3]) * (3.0 / 12.0);
    }
    centre(&mut factors, 0.85);
    if attack {
        spread(format, &mut factors);
    }
    factors
}

/// Takes the mean away and scales what is left.
fn centre(factors: &mut ScaleFactors, scale: f32) {
    let mean = factors.iter().sum::<f32>() / 16.0;
    for factor in factors {
        *factor = scale * (*factor - mean);
    }
}

/// Smooths the factors of a frame with an attack: its spectrum says little about the noise before the attack.
fn spread(format: &Format, factors: &mut ScaleFactors) {
    let plain = *factors;
    for (i, factor) in factors.iter_mut().enumerate() {
        let near = &plain[i.saturating_sub(2)..(i + 3).min(16)];
        *factor = near.iter().sum::<f32>() / near.len() as f32;
    }
    centre(factors, if format.duration == FrameDuration::Ms7_5 { 0.3 } else { 0.5 });
}

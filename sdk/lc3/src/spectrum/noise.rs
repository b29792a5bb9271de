//! Noise in place of lines that were quantised to zero.

use crate::format::Format;

/// Lines around a line that must be zero too, for it to be filled; and the first line that can be.
fn reach(format: &Format) -> (usize, usize) {
    let width = format.quarters() - 1;
    (width, 6 * format.quarters())
}

/// Fills holes with noise of ±`level`.
pub(super) fn fill(format: &Format, bandwidth: usize, level: f32, mut seed: u16, x: &mut [f32]) {
    let (width, start) = reach(format);
    let x = &mut x[..format.lines_of(bandwidth)];
    let mut from = start - width;
    // From hole to hole; beyond the bandwidth all counts as zero.
    loop {
        let hole = x[from..].iter().position(|x| *x != 0.0);
        let to = hole.map_or(x.len(), |zeros| from + zeros.saturating_sub(width));
        for x in x.get_mut(from + width..to).unwrap_or_default() {
            seed = seed.wrapping_mul(31821).wrapping_add(13849);
            *x = f32::from_bits(level.to_bits() ^ (u32::from(seed & 0x8000) << 16));
        }
        let Some(zeros) = hole else { return };
        from += zeros + 1;
    }
}

/// The level, 0 (loudest) to 7, of the noise that belongs in the holes of `x`, in steps of the quantiser.
pub(super) fn estimate(format: &Format, bandwidth: usize, x: &[f32], coded: usize) -> u32 {
    let (width, start) = reach(format);
    let stop = format.lines_of(bandwidth);
    let mut zeros = 0;
    let mut sum = 0.0;
    let mut count = 0u32;
    for at in start - width..stop + width {
        let significant = at < stop.min(coded) && x[at].abs() >= 0.625;
        zeros = if significant { 0 } else { zeros + 1 };
        if zeros > 2 * width {
            sum += x[at - width].abs();
            count += 1;
        }
    }
    if count == 0 {
        return 7;
    }
    let level = (16.0 * sum / count as f32 + 0.5) as i32;
    (8 - level).clamp(0, 7) as u32
}

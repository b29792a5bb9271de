use super::ScaleFactors;
use crate::format::{Format, MAX_BANDS};
use crate::math::exp2;

/// Which way the spectrum is weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shaping {
    /// In the encoder: flatter.
    Flatten,
    /// In the decoder: back to its shape.
    Restore,
}

/// Weighs the spectrum by the scale factors, interpolated to the bands.
pub(crate) fn apply(format: &Format, factors: &ScaleFactors, direction: Shaping, x: &mut [f32]) {
    let mut scale = [0.0f32; MAX_BANDS];
    scale[0] = factors[0];
    scale[1] = factors[0];
    for (quad, pair) in scale[2..62].chunks_exact_mut(4).zip(factors.windows(2)) {
        let step = pair[1] - pair[0];
        quad[0] = pair[0] + 0.125 * step;
        quad[1] = pair[0] + 0.375 * step;
        quad[2] = pair[0] + 0.625 * step;
        quad[3] = pair[0] + 0.875 * step;
    }
    let step = factors[15] - factors[14];
    scale[62] = factors[15] + 0.125 * step;
    scale[63] = factors[15] + 0.375 * step;

    let edges = format.band_edges();
    let bands = edges.len() - 1;
    if bands < MAX_BANDS {
        // The lowest bands stand for two scale factors each.
        let merged = MAX_BANDS - bands;
        for i in 0..merged {
            scale[i] = 0.5 * (scale[2 * i] + scale[2 * i + 1]);
        }
        scale.copy_within(2 * merged.., merged);
    }
    let sign = if direction == Shaping::Flatten { -1.0 } else { 1.0 };
    for scale in &mut scale {
        *scale = exp2(sign * *scale);
    }
    for (edge, scale) in edges.windows(2).zip(&scale) {
        for x in &mut x[usize::from(edge[0])..usize::from(edge[1])] {
            *x *= scale;
        }
    }
}

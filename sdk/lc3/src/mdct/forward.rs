use super::dct4::Dct4;
use crate::format::Format;

/// Spectrum of a frame.
///
/// `x` holds the samples and becomes their spectrum; `past` holds the last [`Format::overlap`] samples before
/// them, and is moved on.
pub(crate) fn forward(format: &Format, x: &mut [f32], past: &mut [f32], scratch: &mut [f32]) {
    let n = format.samples;
    let overlap = format.overlap;
    let w = format.window();
    let x = &mut x[..n];
    let past = &mut past[..overlap];
    // Time of the window: `overlap` past samples, then the `n` new ones, then zeros up to 2 n.
    let t = &mut scratch[..2 * n];
    for ((t, x), w) in t.iter_mut().zip(past.iter().chain(x.iter())).zip(w) {
        *t = x * w;
    }
    t[n + overlap..].fill(0.0);
    past.copy_from_slice(&x[n - overlap..]);
    let half = n / 2;
    let (a, rest) = t.split_at(half);
    let (b, rest) = rest.split_at(half);
    let (c, d) = rest.split_at(half);
    for i in 0..half {
        x[i] = -c[half - 1 - i] - d[i];
        x[half + i] = a[i] - b[half - 1 - i];
    }
    Dct4::of(format).run(x);
}

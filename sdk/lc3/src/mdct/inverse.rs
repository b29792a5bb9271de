use super::dct4::Dct4;
use crate::format::Format;

/// Samples of a spectrum.
///
/// `x` holds the spectrum, in [`Format::samples`] lines, and becomes the samples; `tail` holds the last
/// [`Format::overlap`] values of the frame before, which lap over this one, and is replaced by this frame's.
pub(crate) fn inverse(format: &Format, x: &mut [f32], tail: &mut [f32], scratch: &mut [f32]) {
    let n = format.samples;
    let overlap = format.overlap;
    let half = n / 2;
    let w = format.window();
    let x = &mut x[..n];
    let tail = &mut tail[..overlap];
    Dct4::of(format).run(x);
    // The transform's output of 2 n values is `y2, -y2 reversed, -y1 reversed, -y1`, for the two halves y1 and
    // y2 of x; its first n - overlap are weighed with zero.
    let y = &mut scratch[..2 * n];
    for i in 0..half {
        y[i] = x[half + i];
        y[n - 1 - i] = -x[half + i];
        y[n + i] = -x[half - 1 - i];
        y[n + half + i] = -x[i];
    }
    let y = &mut y[n - overlap..];
    for (y, w) in y.iter_mut().zip(w.iter().rev()) {
        *y *= w;
    }
    x[..overlap].copy_from_slice(&y[..overlap]);
    for (x, tail) in x.iter_mut().zip(tail.iter()) {
        *x += tail;
    }
    x[overlap..].copy_from_slice(&y[overlap..n]);
    tail.copy_from_slice(&y[n..]);
}

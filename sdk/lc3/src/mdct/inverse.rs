use super::dct4::Dct4;
use crate::format::Format;

/// Samples of the spectrum `x`, of [`Format::samples`] lines, which it overwrites, to `out`.
///
/// `tail` holds the last [`Format::overlap`] values of the frame before, which lap over this one, and is replaced
/// by this frame's.
pub(crate) fn inverse(
    format: &Format,
    x: &mut [f32],
    scratch: &mut [f32],
    tail: &mut [f32],
    out: &mut [f32],
) {
    let n = format.samples;
    let half = n / 2;
    let overlap = format.overlap;
    let y = Dct4::of(format).run(x, scratch);
    let (low, high) = y.split_at(half);
    // The transform's output of 2 n values is `high, -high reversed, -low reversed, -low`. Its first n - overlap
    // are weighed with zero; the window weighs the others, from its last value on.
    let tail = &mut tail[..overlap];
    let out = &mut out[..n];
    let early = n - overlap;
    let late = half - early;
    let (w_tail, w) = format.window().split_at(overlap);

    // The frame: what is left of the first quarter, the second, and as much of the third as fits.
    let (first, rest) = out.split_at_mut(late);
    for ((out, y), w) in first.iter_mut().zip(&high[early..]).zip(w[n - late..].iter().rev()) {
        *out = y * w;
    }
    let (second, third) = rest.split_at_mut(half);
    for ((out, y), w) in second.iter_mut().zip(high.iter().rev()).zip(w[early..n - late].iter().rev()) {
        *out = -y * w;
    }
    for ((out, y), w) in third.iter_mut().zip(low[late..].iter().rev()).zip(w[..early].iter().rev()) {
        *out = -y * w;
    }
    for (out, tail) in out.iter_mut().zip(tail.iter()) {
        *out += tail;
    }
    // What laps over the next frame: the end of the third quarter, and the fourth.
    let (third, fourth) = tail.split_at_mut(late);
    for ((tail, y), w) in third.iter_mut().zip(low[..late].iter().rev()).zip(w_tail[half..].iter().rev()) {
        *tail = -y * w;
    }
    for ((tail, y), w) in fourth.iter_mut().zip(low).zip(w_tail[..half].iter().rev()) {
        *tail = -y * w;
    }
}

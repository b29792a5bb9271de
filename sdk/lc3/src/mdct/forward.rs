use super::dct4::Dct4;
use crate::format::Format;

/// Spectrum of the samples `x`, which it overwrites; returned where it is, in `x` or in `scratch`.
///
/// `past` holds the last [`Format::overlap`] samples before `x`, and is moved on.
pub(crate) fn forward<'a>(
    format: &Format,
    x: &'a mut [f32],
    past: &mut [f32],
    scratch: &'a mut [f32],
) -> &'a mut [f32] {
    let n = format.samples;
    let half = n / 2;
    let overlap = format.overlap;
    let x = &mut x[..n];
    let past = &mut past[..overlap];
    // The window sees `overlap` past samples, then the new ones, then zeros up to 2 n. In quarters a, b, c, d it
    // folds to `-c reversed - d` and `a - b reversed`.
    let (w_past, w_new) = format.window().split_at(overlap);
    let folded = &mut scratch[..n];
    let (low, high) = folded.split_at_mut(half);

    // Quarters a and b: the past samples, and of the new ones as many as are missing to n.
    let early = n - overlap;
    for ((high, x), w) in high.iter_mut().zip(past.iter()).zip(w_past) {
        *high = x * w;
    }
    for ((high, x), w) in high.iter_mut().zip(x[..early].iter().rev()).zip(w_new[..early].iter().rev()) {
        *high -= x * w;
    }
    for ((high, x), w) in
        high[early..].iter_mut().zip(past[half..].iter().rev()).zip(w_past[half..].iter().rev())
    {
        *high -= x * w;
    }

    // Quarters c and d: the rest of the new samples.
    for ((low, x), w) in
        low.iter_mut().zip(x[early..early + half].iter().rev()).zip(w_new[early..early + half].iter().rev())
    {
        *low = -x * w;
    }
    for ((low, x), w) in low.iter_mut().zip(&x[early + half..]).zip(&w_new[early + half..]) {
        *low -= x * w;
    }
    past.copy_from_slice(&x[n - overlap..]);
    Dct4::of(format).run(folded, x)
}

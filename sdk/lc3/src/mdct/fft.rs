//! Complex Fourier transform of 30 to 240 points: Stockham's, in radices 2 to 5.
//!
//! Real and imaginary parts stand in arrays of their own. Where the number of points allows it the first radix is
//! 4, so that all later stages work on whole groups of four.

use core::array::from_fn;

use super::butterfly::{Butterfly, Complex};
use crate::lanes::F4;
use crate::math::sin_cos_pi;

/// `exp(-2 PI i k / N)` for k below N.
pub(crate) struct Roots<const N: usize> {
    re: [f32; N],
    im: [f32; N],
}

impl<const N: usize> Roots<N> {
    /// The roots to the power of `step`.
    pub(crate) const fn new(step: usize) -> Self {
        let mut roots = Self { re: [0.0; N], im: [0.0; N] };
        let mut k = 0;
        while k < N {
            let (sin, cos) = sin_cos_pi(2 * k * step, N);
            roots.re[k] = cos as f32;
            roots.im[k] = -sin as f32;
            k += 1;
        }
        roots
    }
}

/// A transform: its radices in order, and its roots of unity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fft {
    pub(crate) points: usize,
    radices: &'static [usize],
    /// The roots, their squares and their cubes: real and imaginary parts.
    roots: [(&'static [f32], &'static [f32]); 3],
}

macro_rules! fft {
    ($name:ident, $points:literal, $radices:expr) => {
        pub(crate) static $name: Fft = {
            static ONCE: Roots<$points> = Roots::new(1);
            static TWICE: Roots<$points> = Roots::new(2);
            static THRICE: Roots<$points> = Roots::new(3);
            Fft {
                points: $points,
                radices: &$radices,
                roots: [(&ONCE.re, &ONCE.im), (&TWICE.re, &TWICE.im), (&THRICE.re, &THRICE.im)],
            }
        };
    };
}

fft!(FFT_30, 30, [2, 3, 5]);
fft!(FFT_40, 40, [4, 2, 5]);
fft!(FFT_60, 60, [4, 3, 5]);
fft!(FFT_80, 80, [4, 4, 5]);
fft!(FFT_90, 90, [2, 3, 3, 5]);
fft!(FFT_120, 120, [4, 2, 3, 5]);
fft!(FFT_160, 160, [4, 4, 2, 5]);
fft!(FFT_180, 180, [4, 3, 3, 5]);
fft!(FFT_240, 240, [4, 4, 3, 5]);

impl Fft {
    /// Transforms `a`: real parts, then imaginary parts. Leaves the result in `a` if this returns true, else in `b`.
    pub(crate) fn run(&self, a: &mut [f32], b: &mut [f32]) -> bool {
        let n = self.points;
        let (mut from, mut to) = (&mut a[..2 * n], &mut b[..2 * n]);
        let mut stride = 1;
        for &radix in self.radices {
            match radix {
                2 => self.stage::<2>(stride, from, to),
                3 => self.stage::<3>(stride, from, to),
                4 if stride == 1 => self.first_stage(from, to),
                4 => self.stage::<4>(stride, from, to),
                _ => self.stage::<5>(stride, from, to),
            }
            core::mem::swap(&mut from, &mut to);
            stride *= radix;
        }
        self.radices.len().is_multiple_of(2)
    }

    /// The first stage, of radix 4: its results interleave.
    fn first_stage(&self, x: &[f32], y: &mut [f32]) {
        let m = self.points / 4;
        let (x_re, x_im) = x.split_at(self.points);
        let (y_re, y_im) = y.split_at_mut(self.points);
        let re: [&[f32]; 4] = from_fn(|i| &x_re[i * m..][..m]);
        let im: [&[f32]; 4] = from_fn(|i| &x_im[i * m..][..m]);
        let roots = self.roots.map(|(re, im)| (&re[..m], &im[..m]));
        let (out_re, out_im) = (&mut y_re.as_chunks_mut().0[..m], &mut y_im.as_chunks_mut().0[..m]);
        for p in 0..m {
            let [a, b, c, d] = from_fn(|i| Complex { re: re[i][p], im: im[i][p] }).transform();
            let b = b.turn(roots[0].0[p], roots[0].1[p]);
            let c = c.turn(roots[1].0[p], roots[1].1[p]);
            let d = d.turn(roots[2].0[p], roots[2].1[p]);
            out_re[p] = [a.re, b.re, c.re, d.re];
            out_im[p] = [a.im, b.im, c.im, d.im];
        }
    }

    /// A stage that finds transforms of `stride` points and leaves those of `R` times as many.
    fn stage<const R: usize>(&self, stride: usize, x: &[f32], y: &mut [f32])
    where
        [Complex<f32>; R]: Butterfly<f32>,
        [Complex<F4>; R]: Butterfly<F4>,
    {
        let m = self.points / stride / R;
        let (x_re, x_im) = x.split_at(self.points);
        let (y_re, y_im) = y.split_at_mut(self.points);
        for p in 0..m {
            let roots: [(f32, f32); R] = from_fn(|i| {
                let root = p * i * stride;
                (self.roots[0].0[root], self.roots[0].1[root])
            });
            let input: [(&[f32], &[f32]); R] = from_fn(|i| {
                let at = stride * (p + m * i);
                (&x_re[at..at + stride], &x_im[at..at + stride])
            });
            let block = stride * R * p..stride * R * (p + 1);
            let (out_re, out_im) = (&mut y_re[block.clone()], &mut y_im[block]);
            if stride.is_multiple_of(4) {
                stage_of_fours(&input, &roots, stride / 4, out_re, out_im);
            } else {
                for q in 0..stride {
                    let b = from_fn(|i| Complex { re: input[i].0[q], im: input[i].1[q] }).transform();
                    for (i, (b, root)) in b.into_iter().zip(&roots).enumerate() {
                        let b = b.turn(root.0, root.1);
                        out_re[q + i * stride] = b.re;
                        out_im[q + i * stride] = b.im;
                    }
                }
            }
        }
    }
}

#[inline]
fn stage_of_fours<const R: usize>(
    input: &[(&[f32], &[f32]); R],
    roots: &[(f32, f32); R],
    fours: usize,
    out_re: &mut [f32],
    out_im: &mut [f32],
) where
    [Complex<F4>; R]: Butterfly<F4>,
{
    let input = input.map(|(re, im)| (&re.as_chunks::<4>().0[..fours], &im.as_chunks::<4>().0[..fours]));
    let out_re = &mut out_re.as_chunks_mut::<4>().0[..R * fours];
    let out_im = &mut out_im.as_chunks_mut::<4>().0[..R * fours];
    for q in 0..fours {
        let b = from_fn(|i| Complex { re: F4(input[i].0[q]), im: F4(input[i].1[q]) }).transform();
        for (i, (b, root)) in b.into_iter().zip(roots).enumerate() {
            let b = if i == 0 { b } else { b.turn(root.0, root.1) };
            out_re[q + i * fours] = b.re.0;
            out_im[q + i * fours] = b.im.0;
        }
    }
}

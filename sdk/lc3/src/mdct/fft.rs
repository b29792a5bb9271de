//! Complex Fourier transform of 30 to 240 points: Stockham's, in radices 2 to 5.
//!
//! Real and imaginary parts stand in arrays of their own, and the first radix is 4 where it can be, so that
//! all later stages work on whole groups of four.

use crate::math::sin_cos_pi;

/// Points of the largest transform.
pub(crate) const MAX_POINTS: usize = 240;

/// Real or imaginary parts.
pub(crate) type Parts = [f32; MAX_POINTS];

/// `exp(-2 PI i k / N)` for k below N.
pub(crate) struct Roots<const N: usize> {
    re: [f32; N],
    im: [f32; N],
}

impl<const N: usize> Roots<N> {
    pub(crate) const fn new() -> Self {
        let mut roots = Self { re: [0.0; N], im: [0.0; N] };
        let mut k = 0;
        while k < N {
            let (sin, cos) = sin_cos_pi(2 * k, N);
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
    re: &'static [f32],
    im: &'static [f32],
}

macro_rules! fft {
    ($name:ident, $points:literal, $radices:expr) => {
        pub(crate) static $name: Fft = {
            static ROOTS: Roots<$points> = Roots::new();
            Fft { points: $points, radices: &$radices, re: &ROOTS.re, im: &ROOTS.im }
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
    /// Transforms `(re, im)`; the result is in the pair returned as `true` for the first, `false` for the
    /// second.
    pub(crate) fn run(&self, a: (&mut Parts, &mut Parts), b: (&mut Parts, &mut Parts)) -> bool {
        let (mut from, mut to) = (a, b);
        let mut stride = 1;
        for &radix in self.radices {
            let size = self.points / stride;
            self.stage(radix, size, stride, (&*from.0, &*from.1), &mut to);
            core::mem::swap(&mut from, &mut to);
            stride *= radix;
        }
        self.radices.len().is_multiple_of(2)
    }

    fn stage(
        &self,
        radix: usize,
        size: usize,
        stride: usize,
        x: (&Parts, &Parts),
        y: &mut (&mut Parts, &mut Parts),
    ) {
        let m = size / radix;
        for p in 0..m {
            for q in 0..stride {
                let mut a = [(0.0f32, 0.0f32); 5];
                for (i, a) in a[..radix].iter_mut().enumerate() {
                    let at = q + stride * (p + m * i);
                    *a = (x.0[at], x.1[at]);
                }
                let b = match radix {
                    2 => butterfly_2(a),
                    3 => butterfly_3(a),
                    4 => butterfly_4(a),
                    _ => butterfly_5(a),
                };
                for (i, b) in b[..radix].iter().enumerate() {
                    let root = p * i * stride;
                    let (wr, wi) = (self.re[root], self.im[root]);
                    let at = q + stride * (radix * p + i);
                    y.0[at] = b.0 * wr - b.1 * wi;
                    y.1[at] = b.0 * wi + b.1 * wr;
                }
            }
        }
    }
}

type Points = [(f32, f32); 5];

fn butterfly_2(a: Points) -> Points {
    let mut b = a;
    b[0] = (a[0].0 + a[1].0, a[0].1 + a[1].1);
    b[1] = (a[0].0 - a[1].0, a[0].1 - a[1].1);
    b
}

fn butterfly_3(a: Points) -> Points {
    const SIN: f32 = 0.866_025_4;
    let s = (a[1].0 + a[2].0, a[1].1 + a[2].1);
    let d = ((a[1].0 - a[2].0) * SIN, (a[1].1 - a[2].1) * SIN);
    let t = (a[0].0 - 0.5 * s.0, a[0].1 - 0.5 * s.1);
    let mut b = a;
    b[0] = (a[0].0 + s.0, a[0].1 + s.1);
    b[1] = (t.0 + d.1, t.1 - d.0);
    b[2] = (t.0 - d.1, t.1 + d.0);
    b
}

fn butterfly_4(a: Points) -> Points {
    let s02 = (a[0].0 + a[2].0, a[0].1 + a[2].1);
    let d02 = (a[0].0 - a[2].0, a[0].1 - a[2].1);
    let s13 = (a[1].0 + a[3].0, a[1].1 + a[3].1);
    let d13 = (a[1].0 - a[3].0, a[1].1 - a[3].1);
    let mut b = a;
    b[0] = (s02.0 + s13.0, s02.1 + s13.1);
    b[1] = (d02.0 + d13.1, d02.1 - d13.0);
    b[2] = (s02.0 - s13.0, s02.1 - s13.1);
    b[3] = (d02.0 - d13.1, d02.1 + d13.0);
    b
}

fn butterfly_5(a: Points) -> Points {
    const COS_1: f32 = 0.309_017;
    const COS_2: f32 = -0.809_017;
    const SIN_1: f32 = 0.951_056_5;
    const SIN_2: f32 = 0.587_785_24;
    let s14 = (a[1].0 + a[4].0, a[1].1 + a[4].1);
    let d14 = (a[1].0 - a[4].0, a[1].1 - a[4].1);
    let s23 = (a[2].0 + a[3].0, a[2].1 + a[3].1);
    let d23 = (a[2].0 - a[3].0, a[2].1 - a[3].1);
    let t1 = (a[0].0 + COS_1 * s14.0 + COS_2 * s23.0, a[0].1 + COS_1 * s14.1 + COS_2 * s23.1);
    let t2 = (a[0].0 + COS_2 * s14.0 + COS_1 * s23.0, a[0].1 + COS_2 * s14.1 + COS_1 * s23.1);
    let u1 = (SIN_1 * d14.0 + SIN_2 * d23.0, SIN_1 * d14.1 + SIN_2 * d23.1);
    let u2 = (SIN_2 * d14.0 - SIN_1 * d23.0, SIN_2 * d14.1 - SIN_1 * d23.1);
    [
        (a[0].0 + s14.0 + s23.0, a[0].1 + s14.1 + s23.1),
        (t1.0 + u1.1, t1.1 - u1.0),
        (t2.0 + u2.1, t2.1 - u2.0),
        (t2.0 - u2.1, t2.1 + u2.0),
        (t1.0 - u1.1, t1.1 + u1.0),
    ]
}

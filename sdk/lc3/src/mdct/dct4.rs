//! The orthonormal DCT-IV of N values by a complex Fourier transform of N/2 points.

use super::fft::{self, Fft};
use crate::format::{Format, FrameDuration, Rate};
use crate::math::sin_cos_pi;

/// `(2/N)^(1/4) exp(-PI i (8 k + 1) / (8 N))` for N/2 = `HALF`: used before and after the Fourier transform, so
/// that the scale comes to `sqrt(2/N)`.
struct Rotation<const HALF: usize> {
    re: [f32; HALF],
    im: [f32; HALF],
}

impl<const HALF: usize> Rotation<HALF> {
    const fn new() -> Self {
        // The fourth root of 1 / HALF by Newton's method.
        let target = 1.0 / HALF as f64;
        let mut scale = 0.5;
        let mut step = 0;
        while step < 40 {
            scale = 0.75 * scale + 0.25 * target / (scale * scale * scale);
            step += 1;
        }
        let mut rotation = Self { re: [0.0; HALF], im: [0.0; HALF] };
        let mut k = 0;
        while k < HALF {
            let (sin, cos) = sin_cos_pi(8 * k + 1, 16 * HALF);
            rotation.re[k] = (scale * cos) as f32;
            rotation.im[k] = (-scale * sin) as f32;
            k += 1;
        }
        rotation
    }
}

/// A transform and its rotation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dct4 {
    fft: &'static Fft,
    re: &'static [f32],
    im: &'static [f32],
}

macro_rules! dct4 {
    ($name:ident, $half:literal, $fft:ident) => {
        static $name: Dct4 = {
            static ROTATION: Rotation<$half> = Rotation::new();
            Dct4 { fft: &fft::$fft, re: &ROTATION.re, im: &ROTATION.im }
        };
    };
}

dct4!(DCT_60, 30, FFT_30);
dct4!(DCT_80, 40, FFT_40);
dct4!(DCT_120, 60, FFT_60);
dct4!(DCT_160, 80, FFT_80);
dct4!(DCT_180, 90, FFT_90);
dct4!(DCT_240, 120, FFT_120);
dct4!(DCT_320, 160, FFT_160);
dct4!(DCT_360, 180, FFT_180);
dct4!(DCT_480, 240, FFT_240);

impl Dct4 {
    pub(crate) fn of(format: &Format) -> &'static Self {
        match (format.duration, format.rate) {
            (FrameDuration::Ms7_5, Rate::K8) => &DCT_60,
            (FrameDuration::Ms7_5, Rate::K16) => &DCT_120,
            (FrameDuration::Ms7_5, Rate::K24) => &DCT_180,
            (FrameDuration::Ms7_5, Rate::K32) | (FrameDuration::Ms10, Rate::K24) => &DCT_240,
            (FrameDuration::Ms7_5, Rate::K48) => &DCT_360,
            (FrameDuration::Ms10, Rate::K8) => &DCT_80,
            (FrameDuration::Ms10, Rate::K16) => &DCT_160,
            (FrameDuration::Ms10, Rate::K32) => &DCT_320,
            (FrameDuration::Ms10, Rate::K48) => &DCT_480,
        }
    }

    /// Transforms `x`, and returns where the result is: there or in `scratch`.
    pub(crate) fn run<'a>(&self, x: &'a mut [f32], scratch: &'a mut [f32]) -> &'a mut [f32] {
        let half = self.fft.points;
        let (x, scratch) = (&mut x[..2 * half], &mut scratch[..2 * half]);
        let (wr, wi) = (&self.re[..half], &self.im[..half]);
        {
            let (re, im) = scratch.split_at_mut(half);
            let pairs = &x.as_chunks::<2>().0[..half];
            for k in 0..half {
                let (a, b) = (pairs[k][0], pairs[half - 1 - k][1]);
                re[k] = a * wr[k] - b * wi[k];
                im[k] = a * wi[k] + b * wr[k];
            }
        }
        let in_scratch = self.fft.run(scratch, x);
        let (from, to) = if in_scratch { (scratch, x) } else { (x, scratch) };
        let (re, im) = from.split_at(half);
        let pairs = &mut to.as_chunks_mut::<2>().0[..half];
        for k in 0..half {
            let r = half - 1 - k;
            pairs[k] = [re[k] * wr[k] - im[k] * wi[k], -(re[r] * wi[r] + im[r] * wr[r])];
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_agrees_with_the_definition() {
        for (dct, n) in [
            (&DCT_60, 60),
            (&DCT_80, 80),
            (&DCT_120, 120),
            (&DCT_160, 160),
            (&DCT_180, 180),
            (&DCT_240, 240),
            (&DCT_320, 320),
            (&DCT_360, 360),
            (&DCT_480, 480),
        ] {
            let x: Vec<f32> = (0..n).map(|i| ((i * i * 37 + i * 11) % 101) as f32 - 50.0).collect();
            let (mut y, mut scratch) = (x.clone(), x.clone());
            let y = dct.run(&mut y, &mut scratch);
            for (k, y) in y.iter().enumerate() {
                let sum: f64 = x
                    .iter()
                    .enumerate()
                    .map(|(i, x)| {
                        let angle = core::f64::consts::PI / n as f64 * (i as f64 + 0.5) * (k as f64 + 0.5);
                        f64::from(*x) * angle.cos()
                    })
                    .sum();
                let expected = sum * (2.0 / n as f64).sqrt();
                assert!(
                    (f64::from(*y) - expected).abs() < 2e-4,
                    "{n} points, line {k}: {y} is not {expected}"
                );
            }
        }
    }
}

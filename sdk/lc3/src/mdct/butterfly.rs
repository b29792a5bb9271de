//! Fourier transforms of two to five points, of one number or of four in parallel.

use core::ops::{Add, Mul, Sub};

/// What a butterfly computes with.
pub(super) trait Value:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<f32, Output = Self>
{
}

impl<T: Copy + Add<Output = T> + Sub<Output = T> + Mul<f32, Output = T>> Value for T {}

/// A complex number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Complex<T> {
    pub(super) re: T,
    pub(super) im: T,
}

impl<T: Value> Complex<T> {
    /// Times `re + i im`.
    #[inline]
    pub(super) fn turn(self, re: f32, im: f32) -> Self {
        Self { re: self.re * re - self.im * im, im: self.re * im + self.im * re }
    }

    #[inline]
    fn add(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    #[inline]
    fn sub(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }

    #[inline]
    fn scale(self, factor: f32) -> Self {
        Self { re: self.re * factor, im: self.im * factor }
    }

    /// `self - i other`.
    #[inline]
    fn sub_i(self, other: Self) -> Self {
        Self { re: self.re + other.im, im: self.im - other.re }
    }

    /// `self + i other`.
    #[inline]
    fn add_i(self, other: Self) -> Self {
        Self { re: self.re - other.im, im: self.im + other.re }
    }
}

/// The transform of `R` points.
pub(super) trait Butterfly<T> {
    fn transform(self) -> Self;
}

impl<T: Value> Butterfly<T> for [Complex<T>; 2] {
    #[inline]
    fn transform(self) -> Self {
        let [a, b] = self;
        [a.add(b), a.sub(b)]
    }
}

impl<T: Value> Butterfly<T> for [Complex<T>; 3] {
    #[inline]
    fn transform(self) -> Self {
        const SIN: f32 = 0.866_025_4;
        let [a, b, c] = self;
        let sum = b.add(c);
        let turn = b.sub(c).scale(SIN);
        let mean = a.sub(sum.scale(0.5));
        [a.add(sum), mean.sub_i(turn), mean.add_i(turn)]
    }
}

impl<T: Value> Butterfly<T> for [Complex<T>; 4] {
    #[inline]
    fn transform(self) -> Self {
        let [a, b, c, d] = self;
        let (sum_ac, difference_ac) = (a.add(c), a.sub(c));
        let (sum_bd, difference_bd) = (b.add(d), b.sub(d));
        [
            sum_ac.add(sum_bd),
            difference_ac.sub_i(difference_bd),
            sum_ac.sub(sum_bd),
            difference_ac.add_i(difference_bd),
        ]
    }
}

impl<T: Value> Butterfly<T> for [Complex<T>; 5] {
    #[inline]
    fn transform(self) -> Self {
        const COS_1: f32 = 0.309_017;
        const COS_2: f32 = -0.809_017;
        const SIN_1: f32 = 0.951_056_5;
        const SIN_2: f32 = 0.587_785_24;
        let [a, b, c, d, e] = self;
        let (sum_be, difference_be) = (b.add(e), b.sub(e));
        let (sum_cd, difference_cd) = (c.add(d), c.sub(d));
        let mean_1 = a.add(sum_be.scale(COS_1)).add(sum_cd.scale(COS_2));
        let mean_2 = a.add(sum_be.scale(COS_2)).add(sum_cd.scale(COS_1));
        let turn_1 = difference_be.scale(SIN_1).add(difference_cd.scale(SIN_2));
        let turn_2 = difference_be.scale(SIN_2).sub(difference_cd.scale(SIN_1));
        [
            a.add(sum_be).add(sum_cd),
            mean_1.sub_i(turn_1),
            mean_2.sub_i(turn_2),
            mean_2.add_i(turn_2),
            mean_1.add_i(turn_1),
        ]
    }
}

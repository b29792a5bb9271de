//! Four numbers at a time, in a form that compilers turn into vector instructions.

use core::ops::{Add, Mul, Sub};

/// Four lanes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct F4(pub(crate) [f32; 4]);

impl Add for F4 {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a + e, b + f, c + g, d + h])
    }
}

impl Sub for F4 {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a - e, b - f, c - g, d - h])
    }
}

impl Mul<f32> for F4 {
    type Output = Self;
    #[inline]
    fn mul(self, other: f32) -> Self {
        let [a, b, c, d] = self.0;
        Self([a * other, b * other, c * other, d * other])
    }
}

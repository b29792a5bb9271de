//! Four numbers at a time, in a form that compilers turn into vector instructions.

use core::array::from_fn;
use core::ops::{Add, Mul, Sub};

/// Four lanes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct F4(pub(crate) [f32; 4]);

impl Add for F4 {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl Sub for F4 {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] - other.0[i]))
    }
}

impl Mul<f32> for F4 {
    type Output = Self;
    #[inline]
    fn mul(self, other: f32) -> Self {
        Self(self.0.map(|x| x * other))
    }
}

//! The quantised spectrum and its arithmetic code.

mod decode;
mod encode;
mod gain;
mod noise;
mod quantise;

pub(crate) use decode::{Coded, Header};
pub(crate) use quantise::Quantiser;

use crate::tables::spectrum::SPECTRUM_LOOKUP;

/// What the probability of a pair of lines depends on: the pairs just coded.
#[derive(Debug, Clone, Copy)]
struct Context {
    state: u8,
    high_rate: bool,
}

impl Context {
    const fn new(high_rate: bool) -> Self {
        Self { state: 0, high_rate }
    }

    /// Models for a pair in the upper or lower half of the spectrum, by number of escapes (3 or more count as 3).
    #[inline]
    fn models(self, upper: bool) -> [u8; 4] {
        SPECTRUM_LOOKUP[usize::from(self.high_rate)][usize::from(upper)][usize::from(self.state)]
    }

    /// Notes a pair: the sum of its two top bits, and how many escapes came before.
    #[inline]
    fn push(&mut self, sum: usize, escapes: usize) {
        let class = if escapes > 1 { 12 + escapes } else { 1 + sum * (escapes + 1) };
        self.state = (self.state << 4).wrapping_add(class as u8);
    }
}

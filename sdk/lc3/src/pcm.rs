//! Samples, as callers have them.

/// A sample of audio: `i16`, or `f32` with full scale at ±1.
pub trait Sample: Copy + sealed::Sealed {}

impl Sample for i16 {}
impl Sample for f32 {}

/// One channel of interleaved audio.
///
/// LC3 frames are mono: a stream of two channels is two encoders and two frames. This picks the samples of one
/// channel from audio in which those of all channels take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// Which channel, from 0.
    pub index: usize,
    /// How many channels take turns.
    pub of: usize,
}

impl Channel {
    /// The only channel of audio that is not interleaved.
    pub const MONO: Self = Self { index: 0, of: 1 };

    /// Whether there is such a channel.
    pub(crate) const fn exists(self) -> bool {
        self.index < self.of
    }
}

pub(crate) mod sealed {
    /// Conversion from and to the scale of 16-bit samples.
    pub trait Sealed {
        fn to_scale(self) -> f32;
        /// Rounded towards zero.
        fn to_i16(self) -> i16;
        fn from_scale(value: f32) -> Self;
    }

    impl Sealed for i16 {
        #[inline]
        fn to_scale(self) -> f32 {
            f32::from(self)
        }

        #[inline]
        fn to_i16(self) -> i16 {
            self
        }

        #[inline]
        fn from_scale(value: f32) -> Self {
            // Adding 1.5 x 2^23 rounds to an integer, which lands in the low bits.
            (value.clamp(-32_768.0, 32_767.0) + 12_582_912.0).to_bits() as Self
        }
    }

    impl Sealed for f32 {
        #[inline]
        fn to_scale(self) -> f32 {
            // Clipped, and what is not a number is silence.
            if self.is_nan() { 0.0 } else { self.clamp(-1.0, 1.0) * 32_768.0 }
        }

        #[inline]
        fn to_i16(self) -> i16 {
            // The conversion saturates.
            self.to_scale() as i16
        }

        #[inline]
        fn from_scale(value: f32) -> Self {
            (value * (1.0 / 32_768.0)).clamp(-1.0, 1.0)
        }
    }
}

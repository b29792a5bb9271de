//! Down to 12.8 kHz, where the pitch is sought, and to 6.4 kHz, where it is sought first.

use crate::format::Rate;
use crate::tables::ltpf::{RESAMPLE_8K, RESAMPLE_16K, RESAMPLE_24K, RESAMPLE_32K, RESAMPLE_48K};

/// Samples before the frame that the longest filter wants.
pub(crate) const PAST: usize = 60;

/// High-pass at 50 Hz, in fixed point: two biquad states of Q60.
#[derive(Debug, Clone, Default)]
pub(super) struct HighPass {
    s1: i64,
    s2: i64,
}

impl HighPass {
    pub(super) const fn new() -> Self {
        Self { s1: 0, s2: 0 }
    }

    /// Coefficients in Q30.
    const A1: i64 = -2_110_217_691;
    const A2: i64 = 1_037_111_617;
    const B1: i64 = -2_110_535_566;
    const B2: i64 = 1_055_267_782;

    #[inline]
    fn run(&mut self, x: i32) -> i32 {
        let x = i64::from(x);
        let y = i64::from(((self.s1 + x * Self::B2) >> 30) as i32);
        self.s1 = self.s2 + x * Self::B1 - y * Self::A1;
        self.s2 = x * Self::B2 - y * Self::A2;
        y as i32
    }
}

/// Resamples to 12.8 kHz at half scale. `x` holds [`PAST`] earlier samples, then the frame.
pub(super) fn to_12k8(rate: Rate, high_pass: &mut HighPass, x: &[i16], y: &mut [i16]) {
    match rate {
        Rate::K8 => run::<10, 8, 5>(&RESAMPLE_8K, high_pass, x, y),
        Rate::K16 => run::<20, 4, 5>(&RESAMPLE_16K, high_pass, x, y),
        Rate::K24 => run::<30, 8, 15>(&RESAMPLE_24K, high_pass, x, y),
        Rate::K32 => run::<40, 2, 5>(&RESAMPLE_32K, high_pass, x, y),
        Rate::K48 => run::<60, 4, 15>(&RESAMPLE_48K, high_pass, x, y),
    }
}

/// A step of `STEP` / `PHASES` input samples for each output.
fn run<const TAPS: usize, const PHASES: usize, const STEP: usize>(
    filters: &[[i16; TAPS]; PHASES],
    high_pass: &mut HighPass,
    x: &[i16],
    y: &mut [i16],
) {
    for (i, y) in y.iter_mut().enumerate() {
        let at = PAST + 1 - TAPS + STEP * i / PHASES;
        let filter = &filters[STEP * i % PHASES];
        let x = &x[at..at + TAPS];
        let sum: i32 = x.iter().zip(filter).map(|(&x, &h)| i32::from(x) * i32::from(h)).sum();
        *y = ((high_pass.run(sum) + (1 << 15)) >> 16) as i16;
    }
}

/// Halves the rate: output `i` is centred on `x[3 + 2 i]`.
pub(super) fn halve(x: &[i16], y: &mut [i16]) {
    for (y, x) in y.iter_mut().zip(x.windows(5).step_by(2)) {
        let x: [i32; 5] = core::array::from_fn(|i| i32::from(x[i]));
        *y = ((x[2] * 18477 + (x[1] + x[3]) * 15424 + (x[0] + x[4]) * 8105) >> 16) as i16;
    }
}

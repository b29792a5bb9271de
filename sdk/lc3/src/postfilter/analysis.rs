//! The encoder's half: is there a pitch, which, and would the postfilter help?

use super::Pitch;
use super::pitch::{delay, dot, refine, search};
use super::resample::{HighPass, halve, to_12k8};
use crate::format::{Format, FrameDuration};
use crate::math::sqrt;

/// Samples kept at 12.8 kHz: a frame, the longest lag, and what filters look ahead.
const KEPT_12K8: usize = 384;
/// Samples kept at 6.4 kHz: a frame and the longest lag.
const KEPT_6K4: usize = 178;

/// State of the analysis between frames.
#[derive(Debug, Clone)]
pub(crate) struct Analysis {
    high_pass: HighPass,
    x_12k8: [i16; KEPT_12K8],
    x_6k4: [i16; KEPT_6K4],
    /// Index of the last lag at 6.4 kHz.
    rough: usize,
    active: bool,
    /// The last lag in quarters of a sample; 0: none.
    lag: usize,
    /// How well the last frame and the one before repeated.
    correlation: [f32; 2],
}

impl Analysis {
    pub(crate) const fn new() -> Self {
        Self {
            high_pass: HighPass::new(),
            x_12k8: [0; KEPT_12K8],
            x_6k4: [0; KEPT_6K4],
            rough: 0,
            active: false,
            lag: 0,
            correlation: [0.0; 2],
        }
    }

    /// Finds the pitch of a frame. `x` holds [`PAST`](super::PAST) earlier samples, then the frame.
    pub(crate) fn run(&mut self, format: &Format, x: &[i16]) -> Option<Pitch> {
        let (n, ahead) = match format.duration {
            FrameDuration::Ms7_5 => (96, 44),
            FrameDuration::Ms10 => (128, 24),
        };
        self.x_12k8.copy_within(n.., 0);
        to_12k8(format.rate, &mut self.high_pass, x, &mut self.x_12k8[KEPT_12K8 - n..]);
        let start = KEPT_12K8 - n - ahead;
        self.x_6k4.copy_within(n / 2.., 0);
        halve(&self.x_12k8[start - 3..], &mut self.x_6k4[KEPT_6K4 - n / 2..]);

        let rough = search(&self.x_6k4, n / 2, &mut self.rough);
        let mut pitch = None;
        let (mut lag, mut correlation) = (0, 0.0);
        if rough.present {
            let fine = refine(&self.x_12k8, start, n, rough.lag);
            lag = fine.quarters;
            correlation = self.correlation_at(start, n, lag);
            let active = self.activates(format, lag, correlation);
            pitch = Some(Pitch { active, index: fine.index });
        }
        self.active = pitch.is_some_and(|pitch| pitch.active);
        self.lag = lag;
        self.correlation = [correlation, self.correlation[0]];
        pitch
    }

    /// How well the frame repeats after `lag` quarters of a sample.
    fn correlation_at(&self, start: usize, n: usize, lag: usize) -> f32 {
        let (mut u, mut v) = ([0; 128], [0; 128]);
        let (u, v) = (&mut u[..n], &mut v[..n]);
        delay(&self.x_12k8, start, 0, u);
        delay(&self.x_12k8, start, lag, v);
        let energy = dot(u, u) * dot(v, v);
        if energy > 0.0 { dot(u, v) / sqrt(energy) } else { 0.0 }
    }

    fn activates(&self, format: &Format, lag: usize, correlation: f32) -> bool {
        let [last, before] = self.correlation;
        if self.active {
            let steady = self.lag.abs_diff(lag) < 8 && correlation - last > -0.1;
            correlation > 0.9 || (correlation > 0.84 && steady)
        } else {
            correlation > 0.94 && last > 0.94 && (format.duration == FrameDuration::Ms10 || before > 0.94)
        }
    }
}

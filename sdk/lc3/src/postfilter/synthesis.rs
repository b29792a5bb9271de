//! The decoder's half: a filter with the pitch's lag, faded in and out over 2.5 ms.

use super::Pitch;
use crate::format::{Format, MAX_SAMPLES, Rate};
use crate::tables::ltpf::{
    DENOMINATOR_16K, DENOMINATOR_24K, DENOMINATOR_32K, DENOMINATOR_48K, NUMERATOR_16K, NUMERATOR_24K,
    NUMERATOR_32K, NUMERATOR_48K,
};

/// Taps of the longest filter.
const MAX_TAPS: usize = 12;
/// Values before the frame that the filter wants of its input.
const MARGIN: usize = MAX_TAPS;
/// Samples filtered at once: fewer than the shortest lag reaches back, so that they do not need each other.
const BLOCK: usize = 16;
/// Eight times full scale: more than sound comes to.
const LOUDEST: f32 = 262_144.0;
/// The longest lag at 12.8 kHz.
const MAX_LAG: usize = 228;

/// Past output the filter wants, in samples.
pub(crate) const fn history_len(format: &Format) -> usize {
    (MAX_LAG * format.samples_10ms()).div_ceil(128) + MAX_TAPS
}

/// A filter: lag in samples, and its taps, the newest first.
#[derive(Debug, Clone, Copy, Default)]
struct Filter {
    active: bool,
    /// In quarters of a sample.
    lag: usize,
    numerator: [f32; MAX_TAPS],
    denominator: [f32; MAX_TAPS],
}

impl Filter {
    fn new(format: &Format, bytes: usize, pitch: Option<Pitch>) -> Self {
        let Some(pitch) = pitch else { return Self::default() };
        let lag = (pitch.quarters() * format.samples_10ms() + 64) / 128;
        let bits = bytes * 8 * 4 / format.quarters();
        // The higher the bit rate, the weaker the filter.
        let weakness = (bits / 80).saturating_sub(3 + format.rate.index());
        let active = pitch.active && weakness < 4;
        let mut filter = Self { active, lag, ..Self::default() };
        if active {
            let gain = 0.4 - 0.05 * weakness as f32;
            let (numerator, denominator) = taps(format.rate, weakness, lag % 4);
            for (tap, n) in filter.numerator.iter_mut().zip(numerator) {
                *tap = 0.85 * gain * n;
            }
            for (tap, d) in filter.denominator.iter_mut().zip(denominator) {
                *tap = gain * d;
            }
        }
        filter
    }
}

fn taps(rate: Rate, weakness: usize, fraction: usize) -> (&'static [f32], &'static [f32]) {
    match rate {
        Rate::K8 | Rate::K16 => (&NUMERATOR_16K[weakness], &DENOMINATOR_16K[fraction]),
        Rate::K24 => (&NUMERATOR_24K[weakness], &DENOMINATOR_24K[fraction]),
        Rate::K32 => (&NUMERATOR_32K[weakness], &DENOMINATOR_32K[fraction]),
        Rate::K48 => (&NUMERATOR_48K[weakness], &DENOMINATOR_48K[fraction]),
    }
}

const fn width(rate: Rate) -> usize {
    [4, 4, 6, 8, 12][rate.index()]
}

/// How much of the filter acts, from the first sample on.
#[derive(Debug, Clone, Copy)]
enum Fade {
    In,
    Out,
    None,
}

/// State of the postfilter between frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Synthesis {
    last: Filter,
    /// The end of the last frame before it was filtered.
    input: [f32; MARGIN],
}

impl Synthesis {
    /// Filters a frame in place. `out` holds the past output ([`history_len`]) and, behind it, the frame.
    pub(crate) fn run(&mut self, format: &Format, bytes: usize, pitch: Option<Pitch>, out: &mut [f32]) {
        let n = format.samples;
        let past = out.len() - n;
        // A damaged frame may shout; the filter must not repeat it for long.
        for x in &mut out[past..] {
            *x = x.clamp(-LOUDEST, LOUDEST);
        }
        let filter = Filter::new(format, bytes, pitch);
        if !filter.active && !self.last.active {
            self.input.copy_from_slice(&out[past + n - MARGIN..]);
            self.last = filter;
            return;
        }
        // The input, after the end of the last one.
        let mut buffer = [0.0; MARGIN + MAX_SAMPLES];
        let x = &mut buffer[..MARGIN + n];
        x[..MARGIN].copy_from_slice(&self.input);
        x[MARGIN..].copy_from_slice(&out[past..]);
        self.input.copy_from_slice(&x[n..]);

        let transition = n / format.quarters();
        let rate = format.rate;
        match (self.last.active, filter.active) {
            (false, _) => run(rate, &filter, Fade::In, x, out, past, transition),
            (true, false) => run(rate, &self.last, Fade::Out, x, out, past, transition),
            (true, true) if self.last.lag == filter.lag => {
                run(rate, &filter, Fade::None, x, out, past, transition);
            }
            (true, true) => {
                run(rate, &self.last, Fade::Out, x, out, past, transition);
                // What has faded out is the input of what fades in.
                let mut between = [0.0; MARGIN + MAX_SAMPLES / 3];
                let between = &mut between[..MARGIN + transition];
                between.copy_from_slice(&out[past - MARGIN..past + transition]);
                run(rate, &filter, Fade::In, between, out, past, transition);
            }
        }
        if filter.active {
            run(rate, &filter, Fade::None, &x[transition..], out, past + transition, n - transition);
        }
        self.last = filter;
    }
}

/// Filters `count` samples of `x`, which follow [`MARGIN`] earlier ones, to `out[at..]`.
fn run(rate: Rate, filter: &Filter, fade: Fade, x: &[f32], out: &mut [f32], at: usize, count: usize) {
    match width(rate) {
        4 => run_taps::<4>(filter, fade, x, out, at, count),
        6 => run_taps::<6>(filter, fade, x, out, at, count),
        8 => run_taps::<8>(filter, fade, x, out, at, count),
        _ => run_taps::<12>(filter, fade, x, out, at, count),
    }
}

fn run_taps<const TAPS: usize>(
    filter: &Filter,
    fade: Fade,
    x: &[f32],
    out: &mut [f32],
    at: usize,
    count: usize,
) {
    let reach = filter.lag / 4 - TAPS / 2;
    let step = 1.0 / count as f32;
    let mut done = 0;
    while done < count {
        let size = BLOCK.min(count - done);
        let mut sum = [0.0f32; BLOCK];
        // Tap k takes the input k samples ago, and the output `reach + 1 + k` samples ago.
        for k in 0..TAPS {
            let input = &x[MARGIN + done - k..][..size];
            let output = &out[at + done - reach - 1 - k..][..size];
            for ((sum, x), y) in sum.iter_mut().zip(input).zip(output) {
                *sum += filter.numerator[k] * x - filter.denominator[k] * y;
            }
        }
        for (i, (out, (x, sum))) in
            out[at + done..][..size].iter_mut().zip(x[MARGIN + done..].iter().zip(sum)).enumerate()
        {
            let share = match fade {
                Fade::In => step * (done + i) as f32,
                Fade::Out => 1.0 - step * (done + i) as f32,
                Fade::None => 1.0,
            };
            *out = x - share * sum;
        }
        done += size;
    }
}

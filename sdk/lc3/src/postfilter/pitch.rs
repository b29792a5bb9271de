//! The search for the pitch lag.

use crate::math::sqrt;

/// Shortest lag at 6.4 kHz.
const MIN_LAG: usize = 17;
/// Lags at 6.4 kHz.
const LAGS: usize = 98;

/// A lag found at 6.4 kHz.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rough {
    /// In samples at 6.4 kHz.
    pub(super) lag: usize,
    /// Whether the signal repeats enough to call it a pitch.
    pub(super) present: bool,
}

/// Sum of products at a 64th of their scale, rounded.
pub(super) fn dot(a: &[i16], b: &[i16]) -> f32 {
    let mut lanes = [0.0f32; 4];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.chunks_exact(2).zip(b.chunks_exact(2))) {
            // Two products fit, unless all four factors are the least number.
            let pair = (i32::from(a[0]) * i32::from(b[0])).wrapping_add(i32::from(a[1]) * i32::from(b[1]));
            *lane += pair as f32;
        }
    }
    // Whole steps, so that what is almost silence has no pitch.
    (((lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) + 32.0) * (1.0 / 64.0)) as i32 as f32
}

/// Finds the lag of the frame at the end of `x`, of `n` samples. `last` is the index of the last frame's lag.
pub(super) fn search(x: &[i16], n: usize, last: &mut usize) -> Rough {
    let start = x.len() - n;
    let frame = &x[start..];
    let delayed = |index: usize| &x[start - MIN_LAG - index..][..n];
    let mut r = [0.0f32; LAGS];
    for (i, r) in r.iter_mut().enumerate() {
        *r = dot(frame, delayed(i));
    }
    // Short lags count more, down to a half for the longest.
    let mut first = 0;
    let mut most = f32::NEG_INFINITY;
    for (i, r) in r.iter().enumerate() {
        let weighted = r * (1.0 - 0.5 / (LAGS - 1) as f32 * i as f32);
        if weighted > most {
            (first, most) = (i, weighted);
        }
    }
    let from = last.saturating_sub(4);
    let to = (*last + 4).min(LAGS - 1);
    let near = argmax(&r, from, to);
    let energy = dot(frame, frame);
    let normalised = |index: usize| {
        if r[index] <= 0.0 {
            return 0.0;
        }
        let delayed = delayed(index);
        r[index] / sqrt(energy * dot(delayed, delayed))
    };
    let (of_first, of_near) = (normalised(first), normalised(near));
    let (index, correlation) = if of_near <= 0.85 * of_first { (first, of_first) } else { (near, of_near) };
    *last = index;
    Rough { lag: MIN_LAG + index, present: correlation > 0.6 }
}

fn argmax(r: &[f32], from: usize, to: usize) -> usize {
    let mut best = from;
    for i in from + 1..=to {
        if r[i] > r[best] {
            best = i;
        }
    }
    best
}

/// The filters that interpolate the correlation by quarters of a sample.
const QUARTERS: [[f32; 9]; 4] = [
    [
        0.0,
        0.015_357_277,
        -0.047_296_323,
        0.083_578_855,
        0.898_638_3,
        0.083_578_855,
        -0.047_296_323,
        0.015_357_277,
        0.0,
    ],
    [
        0.0,
        0.002_745_471_8,
        0.004_598_334_6,
        -0.075_440_46,
        0.817_488_7,
        0.330_182_58,
        -0.105_835_915,
        0.028_682_34,
        -0.002_874_561_2,
    ],
    [
        0.0,
        -0.003_001_251,
        0.029_503_85,
        -0.130_305_02,
        0.603_297,
        0.603_297,
        -0.130_305_02,
        0.029_503_85,
        -0.003_001_251,
    ],
    [
        0.0,
        -0.002_874_561_2,
        0.028_682_34,
        -0.105_835_915,
        0.330_182_58,
        0.817_488_7,
        -0.075_440_46,
        0.004_598_334_6,
        0.002_745_471_8,
    ],
];

/// A lag at 12.8 kHz.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fine {
    /// In quarters of a sample.
    pub(super) quarters: usize,
    /// As coded.
    pub(super) index: u16,
}

/// Refines a lag for the `n` samples from `start` on.
pub(super) fn refine(x: &[i16], start: usize, n: usize, rough: usize) -> Fine {
    let frame = &x[start..start + n];
    let from = (2 * rough - 4).max(32);
    let to = (2 * rough + 4).min(228);
    let mut r = [0.0f32; 17];
    for (i, r) in r[..to - from + 9].iter_mut().enumerate() {
        *r = dot(frame, &x[start + 4 - from - i..][..n]);
    }
    let best = argmax(&r, 4, to - from + 4);
    let mut lag = from + best - 4;
    let mut quarter = 0i32;
    let mut most = interpolate(&r, best, 0);
    for step in 1..=3 {
        // Long lags are coded in halves, the longest whole.
        if lag >= 157 || (lag >= 127 && step != 2) {
            continue;
        }
        let later = interpolate(&r, best, step);
        if later > most {
            (most, quarter) = (later, step);
        }
        if lag > 32 {
            let earlier = interpolate(&r, best, -step);
            if earlier > most {
                (most, quarter) = (earlier, -step);
            }
        }
    }
    if quarter < 0 {
        lag -= 1;
        quarter += 4;
    }
    let quarter = quarter as usize;
    let index = match lag {
        0..127 => 4 * lag + quarter - 128,
        127..157 => 2 * lag + quarter / 2 + 126,
        _ => lag + 283,
    };
    Fine { quarters: 4 * lag + quarter, index: index as u16 }
}

/// The correlation `quarter` quarters of a sample after `at`.
fn interpolate(r: &[f32; 17], at: usize, quarter: i32) -> f32 {
    let filter = &QUARTERS[quarter.rem_euclid(4) as usize];
    // The filters of a negative step reach one lag less far ahead.
    let from = at - 4;
    let shift = usize::from(quarter < 0);
    (0..9 - shift).map(|i| r[from + i] * filter[i + shift]).sum()
}

/// The signal from `start` on, earlier by `quarters` quarters of a sample.
pub(super) fn delay(x: &[i16], start: usize, quarters: usize, y: &mut [i16]) {
    const FILTERS: [[i32; 4]; 4] = [
        [6877, 19121, 6877, 0],
        [3506, 18025, 11000, 220],
        [1300, 15048, 15048, 1300],
        [220, 11000, 18025, 3506],
    ];
    let filter = &FILTERS[quarters % 4];
    let from = start - quarters / 4 - 2;
    for (y, x) in y.iter_mut().zip(x[from..].windows(4)) {
        let sum: i32 = x.iter().rev().zip(filter).map(|(&x, h)| i32::from(x) * h).sum();
        *y = (sum >> 15) as i16;
    }
}

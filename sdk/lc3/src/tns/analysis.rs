use super::Tns;
use crate::format::{Format, FrameDuration};

/// Edges of the parts over which the autocorrelation is normalised, by bandwidth: three parts a filter.
const PARTS_7_5: [&[usize]; 5] = [
    &[9, 26, 43, 60],
    &[9, 46, 83, 120],
    &[9, 66, 123, 180],
    &[9, 46, 82, 120, 159, 200, 240],
    &[9, 56, 103, 150, 200, 250, 300],
];
const PARTS_10: [&[usize]; 5] = [
    &[12, 34, 57, 80],
    &[12, 61, 110, 160],
    &[12, 88, 164, 240],
    &[12, 61, 110, 160, 213, 266, 320],
    &[12, 74, 137, 200, 266, 333, 400],
];

/// `exp(-(0.02 PI k)^2 / 2)`.
const LAG_WINDOW: [f32; 9] = [
    1.0,
    0.998_028,
    0.992_135_4,
    0.982_391_6,
    0.968_910_8,
    0.951_849_8,
    0.931_404_9,
    0.907_808_24,
    0.881_323_16,
];

/// Bounds between the quantised reflection coefficients: sin(PI (i + 1/2) / 17).
const BOUNDS: [f32; 8] =
    [0.092_268_36, 0.273_663, 0.445_738_37, 0.602_634_6, 0.739_008_9, 0.850_217_16, 0.932_472_2, 0.982_973_1];

/// Finds the filters of a frame and applies them to its spectrum.
pub(crate) fn analyse(
    format: &Format,
    bandwidth: usize,
    near_nyquist: bool,
    bytes: usize,
    x: &mut [f32],
) -> Tns {
    let mut tns = Tns::new(format, bandwidth, bytes);
    if near_nyquist {
        return tns;
    }
    let parts = match format.duration {
        FrameDuration::Ms7_5 => PARTS_7_5[bandwidth],
        FrameDuration::Ms10 => PARTS_10[bandwidth],
    };
    for filter in 0..tns.filters {
        let correlation = autocorrelation(&parts[3 * filter..3 * filter + 4], x);
        let (mut a, gain) = levinson(&correlation);
        if gain <= 1.5 {
            continue;
        }
        if tns.weighted && gain < 2.0 {
            // Weaker, the closer the gain is to not being worth it.
            let gamma = 1.0 - 0.15 * (2.0 - gain) / 0.5;
            let mut weight = 1.0;
            for a in &mut a[1..] {
                weight *= gamma;
                *a *= weight;
            }
        }
        for (i, rc) in reflection(&a).into_iter().enumerate() {
            let size = BOUNDS.iter().filter(|bound| rc.abs() >= **bound).count() as i8;
            tns.index[filter][i] = if rc < 0.0 { -size } else { size };
            if size > 0 {
                tns.order[filter] = i + 1;
            }
        }
    }
    tns.predict(format, bandwidth, x);
    tns
}

fn autocorrelation(edges: &[usize], x: &[f32]) -> [f32; 9] {
    let mut sum = [0.0; 9];
    sum[0] = 3.0;
    for edge in edges.windows(2) {
        let x = &x[edge[0]..edge[1]];
        let energy = dot(x, x);
        if energy == 0.0 {
            sum[1..].fill(0.0);
            return sum;
        }
        for (k, sum) in sum.iter_mut().enumerate().skip(1) {
            *sum += dot(x, &x[k..]) / energy;
        }
    }
    for (sum, window) in sum.iter_mut().zip(LAG_WINDOW) {
        *sum *= window;
    }
    sum
}

/// Sum of products, as far as both reach.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let mut lanes = [0.0f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a8.zip(b8) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Predictor of order 8, and its gain.
fn levinson(r: &[f32; 9]) -> ([f32; 9], f32) {
    let mut a = [0.0f32; 9];
    a[0] = 1.0;
    let mut error = r[0];
    for k in 1..9 {
        let mut rc = -r[k];
        for i in 1..k {
            rc -= a[i] * r[k - i];
        }
        rc /= error;
        error *= 1.0 - rc * rc;
        let before = a;
        for i in 1..k {
            a[i] += rc * before[k - i];
        }
        a[k] = rc;
    }
    (a, r[0] / error)
}

/// The reflection coefficients of a predictor: the recursion of [`levinson`] backwards.
fn reflection(a: &[f32; 9]) -> [f32; 8] {
    let mut rc = [0.0f32; 8];
    let mut a = *a;
    for k in (1..9).rev() {
        rc[k - 1] = a[k];
        let error = 1.0 - a[k] * a[k];
        let before = a;
        for i in 1..k {
            a[i] = (before[i] - before[k] * before[k - i]) / error;
        }
    }
    rc
}

//! How much of the spectrum the signal fills.

use crate::format::{Format, FrameDuration};

/// First and last band of the quiet regions above 4, 8, 12 and 16 kHz, by rate from 16 kHz on.
const REGIONS_7_5: [[(usize, usize); 4]; 4] = [
    [(51, 63), (0, 0), (0, 0), (0, 0)],
    [(45, 55), (58, 63), (0, 0), (0, 0)],
    [(42, 51), (53, 58), (60, 63), (0, 0)],
    [(40, 48), (51, 55), (57, 60), (61, 63)],
];
const REGIONS_10: [[(usize, usize); 4]; 4] = [
    [(53, 63), (0, 0), (0, 0), (0, 0)],
    [(47, 56), (59, 63), (0, 0), (0, 0)],
    [(44, 52), (54, 59), (60, 63), (0, 0)],
    [(41, 49), (51, 55), (57, 60), (61, 63)],
];

/// Energy below which a region is quiet.
const QUIET: [f32; 4] = [20.0, 10.0, 10.0, 10.0];
/// Drop of energy that shows a true edge: 15, 23, 20 and 20 dB.
const DROP: [f32; 4] = [31.622_776, 199.526_23, 100.0, 100.0];

/// The audio bandwidth of a frame: 0 (4 kHz) up to the rate's own.
pub(crate) fn detect(format: &Format, energies: &[f32]) -> usize {
    let full = format.rate.index();
    if full == 0 {
        return 0;
    }
    let (regions, width) = match format.duration {
        FrameDuration::Ms7_5 => (&REGIONS_7_5[full - 1], [4, 4, 3, 2]),
        FrameDuration::Ms10 => (&REGIONS_10[full - 1], [4, 4, 3, 1]),
    };
    let mut bandwidth = 0;
    for (i, (&(first, last), quiet)) in regions[..full].iter().zip(QUIET).enumerate() {
        let region = &energies[first..=last];
        if region.iter().sum::<f32>() >= quiet * region.len() as f32 {
            bandwidth = i + 1;
        }
    }
    if bandwidth == full {
        return full;
    }
    // Only a steep edge is worth cutting at.
    let first = regions[bandwidth].0;
    let width = width[bandwidth];
    let steep = (first + 1 - width..=first + 1).any(|i| energies[i - width] > DROP[bandwidth] * energies[i]);
    if steep { bandwidth } else { full }
}

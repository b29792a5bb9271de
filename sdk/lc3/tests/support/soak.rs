//! Frames of every kind of signal, rate, duration and length, for liblc3 to accept.

use glasslink_lc3::FrameDuration::{Ms7_5, Ms10};
use glasslink_lc3::{Decoded, Decoder, Encoder};

use super::liblc3::Library;
use super::signals::{self, Random};
use super::{Setup, measure};

/// Frames of one signal.
const RUN: usize = 200;

/// Encodes `count` frames, half of them of signals as they are, half driven to extremes. Returns how many liblc3
/// refused; panics where our own decoder refuses one or both do not hear the same.
pub fn run(library: &Library, count: usize, seed: u64) -> usize {
    let mut random = Random::new(seed);
    let mut refused = 0;
    let mut done = 0;
    while done < count {
        let rate = [8_000, 16_000, 24_000, 32_000, 48_000][random.below(5)];
        let duration = [Ms7_5, Ms10][random.below(2)];
        let setup = Setup { rate, duration, bytes: 20 + random.below(381) };
        // Low rates are the ones in use, and the hardest to keep within.
        let setup =
            if random.below(2) == 0 { Setup { bytes: 20 + random.below(100), ..setup } } else { setup };
        let pcm = signal(&mut random, rate, RUN * setup.samples());
        let mut encoder = Encoder::new(rate, duration).unwrap();
        let mut decoder = Decoder::new(rate, duration).unwrap();
        let mut theirs = library.decoder(setup);
        let mut frame = vec![0; setup.bytes];
        let (mut ours_pcm, mut theirs_pcm) = (vec![0; setup.samples()], vec![0; setup.samples()]);
        for pcm in pcm.chunks_exact(setup.samples()) {
            encoder.encode(pcm, &mut frame).unwrap();
            refused += usize::from(theirs.decode(Some(&frame), &mut theirs_pcm));
            let decoded = decoder.decode(Some(&frame), &mut ours_pcm).unwrap();
            assert_eq!(decoded, Decoded::Ok, "{setup}: our own frame refused: {frame:02x?}");
            let off = measure::largest_difference(&theirs_pcm, &ours_pcm);
            assert!(off <= 3, "{setup}: off by {off} from liblc3");
        }
        done += RUN;
    }
    refused
}

fn signal(random: &mut Random, rate: u32, count: usize) -> Vec<i16> {
    let seconds = count as f64 / f64::from(rate) + 0.01;
    let level = 32_767.0 * (random.unit().abs()).powi(3);
    let mut pcm = match random.below(8) {
        0 => signals::voice(rate, seconds),
        1 => signals::clipped(&signals::voice(rate, seconds)),
        2 => signals::noise(rate, seconds, level),
        3 => signals::noise(rate, seconds, 32_767.0),
        4 => signals::tone(rate, seconds, f64::from(rate) * 0.49 * random.unit().abs()),
        5 => signals::impulses(rate, seconds),
        6 => signals::sweep(rate, seconds),
        // Bursts of noise, tone and silence, which end anywhere.
        _ => {
            let mut pcm = signals::square(rate, seconds);
            let mut at = 0;
            while at < pcm.len() {
                let end = (at + 1 + random.below(1500)).min(pcm.len());
                let kind = random.below(3);
                for x in &mut pcm[at..end] {
                    *x = match kind {
                        0 => 0,
                        1 => (level * random.unit()) as i16,
                        _ => *x / 2,
                    };
                }
                at = end;
            }
            pcm
        }
    };
    pcm.truncate(count);
    pcm
}

//! Damaged frames of every kind, for decoders that live through all of them.

use glasslink_lc3::FrameDuration::{Ms7_5, Ms10};
use glasslink_lc3::{DecodeError, Decoded, Decoder, Encoder, FrameDuration};

use super::signals::{self, Random};

/// What became of the frames.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub decoded: u64,
    pub concealed: u64,
    pub refused: u64,
}

/// All rates and durations.
const FORMATS: [(u32, FrameDuration); 12] = [
    (8_000, Ms7_5),
    (8_000, Ms10),
    (16_000, Ms7_5),
    (16_000, Ms10),
    (24_000, Ms7_5),
    (24_000, Ms10),
    (32_000, Ms7_5),
    (32_000, Ms10),
    (44_100, Ms7_5),
    (44_100, Ms10),
    (48_000, Ms7_5),
    (48_000, Ms10),
];

/// Good frames after which a decoder must have forgotten the damage: more than half a second.
const RECOVERY: usize = 60;
/// Damaged frames between two such checks.
const BURST: u64 = 5000;

/// Decodes `count` damaged frames, one decoder a format. Panics where the decoder breaks its word.
pub fn run(count: u64, seed: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let share = count.div_ceil(FORMATS.len() as u64);
    for (index, (rate, duration)) in FORMATS.into_iter().enumerate() {
        let mut random = Random::new(seed + index as u64);
        let good = good_frames(rate, duration);
        let mut decoder = Decoder::new(rate, duration).unwrap();
        let mut pcm = vec![0.0f32; decoder.frame_samples()];
        for i in 1..=share {
            let frame = damaged(&mut random, &good);
            match decoder.decode_f32(Some(&frame), &mut pcm) {
                Ok(decoded) => {
                    assert!((20..=400).contains(&frame.len()), "{} bytes accepted", frame.len());
                    assert!(pcm.iter().all(|x| x.abs() <= 1.0), "samples beyond full scale: {frame:02x?}");
                    match decoded {
                        Decoded::Ok => outcome.decoded += 1,
                        Decoded::Concealed => outcome.concealed += 1,
                    }
                }
                Err(error) => {
                    assert_eq!(error, DecodeError::FrameLength(frame.len()));
                    assert!(!(20..=400).contains(&frame.len()), "{} bytes refused", frame.len());
                    outcome.refused += 1;
                }
            }
            if i % BURST == 0 || i == share {
                recovers(&mut decoder, &good[0]);
            }
        }
    }
    outcome
}

/// Frames of several lengths.
fn good_frames(rate: u32, duration: FrameDuration) -> Vec<Vec<Vec<u8>>> {
    let pcm = signals::voice(rate, 1.5);
    [40, 20, 60, 100, 155, 400]
        .map(|bytes| {
            let mut encoder = Encoder::new(rate, duration).unwrap();
            pcm.chunks_exact(encoder.frame_samples())
                .map(|pcm| {
                    let mut frame = vec![0; bytes];
                    encoder.encode(pcm, &mut frame).unwrap();
                    frame
                })
                .collect()
        })
        .to_vec()
}

fn damaged(random: &mut Random, good: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let frames = &good[random.below(good.len())];
    let mut frame = frames[random.below(frames.len())].clone();
    match random.below(10) {
        // Single bits.
        0..=2 => {
            for _ in 0..=random.below(8) {
                let at = random.below(frame.len());
                frame[at] ^= 1 << random.below(8);
            }
        }
        // A run of bytes.
        3 | 4 => {
            let from = random.below(frame.len());
            for byte in frame[from..].iter_mut().take(8) {
                *byte = random.next() as u8;
            }
        }
        // Nothing but garbage.
        5 | 6 => {
            frame.resize(20 + random.below(381), 0);
            frame.fill_with(|| random.next() as u8);
        }
        // All the same.
        7 => {
            let byte = [0x00, 0xff, 0x55, 0x80][random.below(4)];
            frame = vec![byte; random.below(420)];
        }
        // Cut short.
        8 => frame.truncate(random.below(frame.len())),
        // Of any length.
        _ => {
            frame = vec![0; random.below(1000)];
            frame.fill_with(|| random.next() as u8);
        }
    }
    frame
}

/// After enough good frames the decoder must sound like one that has heard nothing else.
fn recovers(decoder: &mut Decoder, good: &[Vec<u8>]) {
    let mut fresh = Decoder::new(decoder.sample_rate(), decoder.frame_duration()).unwrap();
    let mut given = vec![0i16; decoder.frame_samples()];
    let mut expected = given.clone();
    for frame in good.iter().take(RECOVERY) {
        assert_eq!(decoder.decode(Some(frame), &mut given), Ok(Decoded::Ok));
        assert_eq!(fresh.decode(Some(frame), &mut expected), Ok(Decoded::Ok));
    }
    let off = super::measure::largest_difference(&expected, &given);
    assert!(off <= 1, "{} Hz: still off by {off} after {RECOVERY} good frames", decoder.sample_rate());
}

//! Against liblc3, where it is installed. The example `compare` prints all of it in tables.

#[path = "support/mod.rs"]
mod support;

use support::liblc3::Library;
use support::measure::{difference_dbfs, largest_difference, snr};
use support::signals::{self, Random};
use support::{SETUPS, Setup, all, decode_liblc3, decode_ours, encode_liblc3, encode_ours};

/// Seconds of each signal.
const SECONDS: f64 = 2.0;

#[test]
fn frames_of_liblc3_sound_as_in_liblc3() {
    let Some(library) = Library::open() else { return };
    for setup in SETUPS {
        for (name, pcm) in signals::all(setup.rate, SECONDS) {
            let frames = encode_liblc3(&library, setup, &pcm);
            let (reference, _) = decode_liblc3(&library, setup, &all(&frames));
            let (given, concealed) = decode_ours(setup, &all(&frames));
            assert_eq!(concealed, 0, "{setup} {name}");
            let off = largest_difference(&reference, &given);
            assert!(off <= 1, "{setup} {name}: off by {off}");
            // The limits of conformance are -89.06 dBFS, and 48 steps.
            let difference = difference_dbfs(&reference, &given);
            assert!(difference < -99.06, "{setup} {name}: {difference} dBFS");
            let (ratio, wanted) = (snr(&reference, &given), if name == "impulses" { 64.0 } else { 90.0 });
            assert!(reference == given || ratio >= wanted, "{setup} {name}: {ratio} dB");
        }
    }
}

#[test]
fn our_frames_are_as_good_as_those_of_liblc3() {
    let Some(library) = Library::open() else { return };
    for setup in SETUPS {
        let delay = glasslink_lc3::Encoder::new(setup.rate, setup.duration).unwrap().delay_samples();
        for (name, pcm) in signals::all(setup.rate, SECONDS) {
            // A constant is coded to within its last digits, where the ratio is up to chance.
            if matches!(name, "silence" | "DC") {
                continue;
            }
            let (theirs, _) = decode_liblc3(&library, setup, &all(&encode_liblc3(&library, setup, &pcm)));
            let (ours, refused) = decode_liblc3(&library, setup, &all(&encode_ours(setup, &pcm)));
            assert_eq!(refused, 0, "{setup} {name}");
            let pcm = &pcm[..theirs.len() - delay];
            let (theirs, ours) = (snr(pcm, &theirs[delay..]), snr(pcm, &ours[delay..]));
            assert!(ours > theirs - 0.1, "{setup} {name}: {ours} dB, liblc3 {theirs} dB");
        }
    }
}

#[test]
fn lost_frames_sound_as_in_liblc3() {
    let Some(library) = Library::open() else { return };
    for setup in [SETUPS[4], SETUPS[7], SETUPS[12]] {
        let frames = encode_liblc3(&library, setup, &signals::voice(setup.rate, 5.0));
        let (clean, _) = decode_liblc3(&library, setup, &all(&frames));
        for percent in [1, 5, 10, 20] {
            let mut random = Random::new(percent);
            let received: Vec<Option<&[u8]>> = frames
                .iter()
                .map(|frame| (random.below(100) >= percent as usize).then_some(frame.as_slice()))
                .collect();
            let (theirs, their_count) = decode_liblc3(&library, setup, &received);
            let (ours, our_count) = decode_ours(setup, &received);
            assert_eq!(their_count, our_count);
            let (theirs, ours) = (snr(&clean, &theirs), snr(&clean, &ours));
            assert!(ours > theirs - 0.2, "{setup}, {percent} %: {ours} dB, liblc3 {theirs} dB");
        }
    }
}

#[test]
fn damage_shows_in_the_same_frames_as_in_liblc3() {
    let Some(library) = Library::open() else { return };
    let mut random = Random::new(3);
    for setup in SETUPS {
        let mut frames = encode_liblc3(&library, setup, &signals::voice(setup.rate, SECONDS));
        for frame in &mut frames {
            for _ in 0..=random.below(4) {
                frame[random.below(setup.bytes)] ^= 1 << random.below(8);
            }
        }
        let mut ours = glasslink_lc3::Decoder::new(setup.rate, setup.duration).unwrap();
        let mut theirs = library.decoder(setup);
        let mut pcm = vec![0; setup.samples()];
        for frame in &frames {
            let concealed = ours.decode(Some(frame), &mut pcm).unwrap() == glasslink_lc3::Decoded::Concealed;
            assert_eq!(concealed, theirs.decode(Some(frame), &mut pcm), "{setup}: {frame:02x?}");
        }
    }
}

#[test]
fn liblc3_refuses_none_of_our_frames() {
    let Some(library) = Library::open() else { return };
    assert_eq!(support::soak::run(&library, 20_000, 11), 0);
}

#[test]
fn a_decoder_keeps_no_more_than_that_of_liblc3() {
    let Some(library) = Library::open() else { return };
    let setup = Setup::new(16, glasslink_lc3::FrameDuration::Ms10, 40);
    let heap = glasslink_lc3::DecoderIn::memory_len(setup.rate, setup.duration) * size_of::<f32>();
    let ours = heap + size_of::<glasslink_lc3::Decoder>();
    assert!(ours <= library.decoder(setup).size() + 64, "{ours} bytes");
}

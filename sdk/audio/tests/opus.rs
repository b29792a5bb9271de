//! Opus against what libopus makes of the same packets (`tests/data/opus/make.c`).

use glasslink_audio::{Decoded, FrameDecoder};
use glasslink_protocol::StreamFormat;
use proptest::prelude::*;

fn packets(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (packet, rest) = rest.split_at(usize::from(u16::from_le_bytes(*length)));
        all.push(packet);
        bytes = rest;
    }
    all
}

/// `recovery`: frames from a lost one on that are not compared.
fn agrees(frame_samples: u32, packed: &[u8], pcm: &[u8], recovery: usize) {
    let mut decoder = FrameDecoder::new(StreamFormat::opus(16_000, frame_samples).unwrap()).unwrap();
    let mut samples = Vec::new();
    for (at, packet) in packets(packed).into_iter().enumerate() {
        let lost = at % 20 == 13;
        let outcome = decoder.decode((!lost).then_some(packet), &mut samples);
        assert_eq!(outcome, if lost { Decoded::Concealed } else { Decoded::Ok });
    }
    let expected: Vec<i16> = pcm.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
    assert_eq!(samples.len(), expected.len());
    let frames = samples.chunks(frame_samples as usize).zip(expected.chunks(frame_samples as usize));
    for (at, (ours, theirs)) in frames.enumerate() {
        let since_loss = (at + 20 - 13) % 20;
        let furthest = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        // Floating point differs between processors by a rounding.
        assert!(
            furthest <= 1 || (at >= 13 && since_loss < recovery),
            "frame {at}: {furthest} away from libopus"
        );
    }
}

macro_rules! vector {
    ($name:literal, $samples:literal, $recovery:literal) => {
        agrees(
            $samples,
            include_bytes!(concat!("data/opus/", $name, ".packets")),
            include_bytes!(concat!("data/opus/", $name, ".pcm")),
            $recovery,
        );
    };
}

#[test]
fn speech_frames_and_lost_ones_are_decoded_as_libopus_does() {
    vector!("silk-20ms", 320, 0);
}

/// In low-delay mode `opus-rs` is off, and loud, for up to 180 ms after a lost packet; `sdk/audio/src/opus.rs`
/// says so, and this holds it to that bound.
#[test]
fn low_delay_frames_are_decoded_as_libopus_does_but_for_180_ms_after_a_loss() {
    vector!("celt-20ms", 320, 10);
    vector!("celt-10ms", 160, 19);
}

proptest! {
    #[test]
    fn any_bytes_are_a_frame_of_the_right_length(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8)) {
        let mut decoder = FrameDecoder::new(StreamFormat::opus(16_000, 320).unwrap()).unwrap();
        let mut samples = Vec::new();
        for frame in &frames {
            let _ = decoder.decode(Some(frame), &mut samples);
        }
        prop_assert_eq!(samples.len(), frames.len() * 320);
    }
}

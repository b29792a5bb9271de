//! What is heard where frames are missing.

use glasslink_lc3::{Decoded, Decoder, FrameDuration};

#[path = "support/mod.rs"]
mod support;

use support::{Setup, signals};

const SETUP: Setup = Setup::new(16, FrameDuration::Ms10, 40);

fn power(pcm: &[i16]) -> f64 {
    pcm.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / pcm.len() as f64
}

/// The largest step from one sample to the next.
fn steepest(pcm: &[i16]) -> u32 {
    pcm.windows(2).map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).unsigned_abs()).max().unwrap()
}

#[test]
fn a_lost_frame_is_concealed_and_said_so() {
    let frames = support::encode_ours(SETUP, &signals::tone(16_000, 0.5, 440.0));
    let mut decoder = Decoder::new(16_000, FrameDuration::Ms10).unwrap();
    let mut pcm = [0; 160];
    for frame in &frames[..20] {
        assert_eq!(decoder.decode(Some(frame), &mut pcm), Ok(Decoded::Ok));
    }
    let before = power(&pcm);
    assert_eq!(decoder.decode(None, &mut pcm), Ok(Decoded::Concealed));
    assert!(power(&pcm) > 0.2 * before, "the gap is a hole");
    assert_eq!(decoder.decode(Some(&frames[21]), &mut pcm), Ok(Decoded::Ok));
}

#[test]
fn a_frame_that_makes_no_sense_is_concealed_and_said_so() {
    let mut decoder = Decoder::new(16_000, FrameDuration::Ms10).unwrap();
    // More lines than there are.
    assert_eq!(decoder.decode(Some(&[0xff; 40]), &mut [0; 160]), Ok(Decoded::Concealed));
}

#[test]
fn a_long_loss_fades_to_silence() {
    let frames = support::encode_ours(SETUP, &signals::voice(16_000, 0.5));
    let mut decoder = Decoder::new(16_000, FrameDuration::Ms10).unwrap();
    let mut pcm = [0; 160];
    for frame in &frames[..20] {
        let _ = decoder.decode(Some(frame), &mut pcm).unwrap();
    }
    let loud = power(&pcm);
    let mut powers = Vec::new();
    for _ in 0..1000 {
        assert_eq!(decoder.decode(None, &mut pcm), Ok(Decoded::Concealed));
        powers.push(power(&pcm));
    }
    assert!(powers[0] > 0.1 * loud);
    // 20 dB down after 200 ms, and nothing at all after a second.
    assert!(powers[20] < 0.01 * loud, "{} of {loud}", powers[20]);
    assert!(powers[100..].iter().all(|power| *power == 0.0));
    // It is over as soon as frames come again.
    let mut fresh = Decoder::new(16_000, FrameDuration::Ms10).unwrap();
    for frame in &frames[20..30] {
        assert_eq!(decoder.decode(Some(frame), &mut pcm), Ok(Decoded::Ok));
        let _ = fresh.decode(Some(frame), &mut [0; 160]).unwrap();
    }
    let mut expected = [0; 160];
    let _ = decoder.decode(Some(&frames[30]), &mut pcm).unwrap();
    let _ = fresh.decode(Some(&frames[30]), &mut expected).unwrap();
    assert!(support::measure::largest_difference(&expected, &pcm) <= 1);
}

#[test]
fn sound_returns_without_a_click() {
    // The steepest step of a tone of 10000 is 10000 x 2 PI x 440 / 16000 = 1728.
    let frames = support::encode_ours(SETUP, &signals::tone(16_000, 1.0, 440.0));
    for lost in [1, 2, 3, 5, 10, 20] {
        let received: Vec<Option<&[u8]>> = frames
            .iter()
            .enumerate()
            .map(|(i, frame)| (!(30..30 + lost).contains(&i)).then_some(frame.as_slice()))
            .collect();
        let (pcm, concealed) = support::decode_ours(SETUP, &received);
        assert_eq!(concealed, lost);
        let step = steepest(&pcm[1600..]);
        assert!(step < 2 * 1728, "{lost} lost: a step of {step}");
    }
}

//! A triangle wave against what liblc3 1.1.3 makes of it.

use glasslink_lc3::{Decoded, Decoder, Encoder, FrameDuration};

/// 100 ms of a 500 Hz triangle at 16 kHz.
fn triangle() -> Vec<i16> {
    (0..1600)
        .map(|i| {
            let phase = i % 32;
            if phase < 16 { -8000 + 1000 * phase } else { 8000 - 1000 * (phase - 16) }
        })
        .collect()
}

fn encode(pcm: &[i16], bytes: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(16_000, FrameDuration::Ms10).unwrap();
    pcm.chunks_exact(160)
        .map(|pcm| {
            let mut frame = vec![0; bytes];
            encoder.encode(pcm, &mut frame).unwrap();
            frame
        })
        .collect()
}

fn decode(frames: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = Decoder::new(16_000, FrameDuration::Ms10).unwrap();
    frames
        .iter()
        .flat_map(|frame| {
            let mut pcm = [0; 160];
            assert_eq!(decoder.decode(Some(frame), &mut pcm), Ok(Decoded::Ok));
            pcm
        })
        .collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn golden(frames: [&str; 10]) -> Vec<Vec<u8>> {
    frames.map(hex).to_vec()
}

fn golden_20() -> Vec<Vec<u8>> {
    const A: &str = "0013639BB9D6DE3000B06739363CE3A6F93DAE33";
    const B: &str = "0013639BB9D6DE3001B06739363CE3A6F93DB033";
    golden([
        "FC72C7EA63454E3B63E93C39318F25E4833FBC1F",
        "008053410FF88E0B07859E39343CE3A6F93DAC45",
        A,
        A,
        A,
        A,
        B,
        A,
        B,
        "008053410FF88E0B07859E39363CE3A6F93DAC45",
    ])
}

fn golden_40() -> Vec<Vec<u8>> {
    const BODY: &str = "1327CBAAE1A8E4A34DA7D20F6F3D3B0E93046A5DF8125BD97A4C3DE4CF689039";
    let first = "FC72C8AF052AC62DC9D8D133488E784B5E27F182FA5ED138558DE817DEC16031318F25E4833FA897";
    let second = format!("{BODY}343CE3A6F93D9E97");
    let rest = format!("{BODY}363CE3A6F93D9E97");
    golden([first, &second, &rest, &rest, &rest, &rest, &rest, &rest, &rest, &rest])
}

#[test]
fn frames_are_those_of_liblc3() {
    assert_eq!(encode(&triangle(), 20), golden_20());
    assert_eq!(encode(&triangle(), 40), golden_40());
}

#[test]
fn silence_is_that_of_liblc3() {
    for bytes in [20, 30, 40] {
        let mut expected = vec![0; bytes - 8];
        expected.extend(hex("0E093E5283400001"));
        assert_eq!(encode(&[0; 160], bytes), [expected]);
    }
}

#[test]
fn samples_are_those_of_liblc3_to_within_one() {
    for (frames, expected) in [
        (golden_20(), [-1524, -2706, -3780, -4705, -5530, -6454, -7302, -7863]),
        (golden_40(), [-222, -1377, -2555, -3529, -4494, -5626, -6678, -7678]),
    ] {
        let pcm = decode(&frames);
        for (given, expected) in pcm[800..808].iter().zip(expected) {
            assert!((given - expected).abs() <= 1, "{:?}", &pcm[800..808]);
        }
    }
}

#[test]
fn what_is_encoded_is_heard_again_after_the_delay() {
    let pcm = triangle();
    let heard = decode(&encode(&pcm, 40));
    let delay = Decoder::new(16_000, FrameDuration::Ms10).unwrap().delay_samples();
    assert_eq!(delay, 40);
    // The first frame is still fading in.
    let (mut signal, mut noise) = (0.0, 0.0);
    for (a, b) in pcm[160..].iter().zip(&heard[160 + delay..]) {
        signal += f64::from(*a).powi(2);
        noise += (f64::from(*a) - f64::from(*b)).powi(2);
    }
    let snr = 10.0 * (signal / noise).log10();
    assert!(snr > 20.0, "{snr} dB");
}

//! Whatever comes in, the codec keeps its word.

use glasslink_lc3::{
    Channel, ConfigError, DecodeError, Decoded, Decoder, EncodeError, Encoder, FrameDuration,
};

#[path = "support/mod.rs"]
mod support;

use support::signals;

const MS10: FrameDuration = FrameDuration::Ms10;

fn encoded(pcm: &[i16], bytes: usize) -> Vec<Vec<u8>> {
    support::encode_ours(support::Setup::new(16, MS10, bytes), pcm)
}

#[test]
fn every_rate_and_duration_of_lc3_works_and_no_other() {
    for (rate, samples) in
        [(8_000, 80), (16_000, 160), (24_000, 240), (32_000, 320), (44_100, 480), (48_000, 480)]
    {
        for (duration, samples) in [(MS10, samples), (FrameDuration::Ms7_5, samples * 3 / 4)] {
            let mut encoder = Encoder::new(rate, duration).unwrap();
            let mut decoder = Decoder::new(rate, duration).unwrap();
            assert_eq!((encoder.frame_samples(), decoder.frame_samples()), (samples, samples));
            let pcm = signals::tone(rate, 1.0, 440.0);
            let (mut signal, mut noise) = (0.0, 0.0);
            let mut heard = Vec::new();
            for pcm in pcm.chunks_exact(samples) {
                let (mut frame, mut out) = ([0; 100], vec![0; samples]);
                encoder.encode(pcm, &mut frame).unwrap();
                assert_eq!(decoder.decode(Some(&frame), &mut out), Ok(Decoded::Ok));
                heard.extend(out);
            }
            for (x, y) in pcm.iter().zip(&heard[decoder.delay_samples()..]).skip(samples) {
                signal += f64::from(*x).powi(2);
                noise += f64::from(x - y).powi(2);
            }
            assert!(
                signal / noise > 100.0,
                "{rate} Hz, {duration:?}: {} dB",
                10.0 * (signal / noise).log10()
            );
        }
    }
    for rate in [0, 11_025, 22_050, 96_000, u32::MAX] {
        assert_eq!(Encoder::new(rate, MS10).unwrap_err(), ConfigError::SampleRate(rate));
        assert_eq!(Decoder::new(rate, MS10).unwrap_err(), ConfigError::SampleRate(rate));
    }
}

#[test]
fn a_wrong_length_is_refused_and_changes_nothing() {
    let frames = encoded(&signals::voice(16_000, 0.2), 40);
    let mut decoder = Decoder::new(16_000, MS10).unwrap();
    let mut encoder = Encoder::new(16_000, MS10).unwrap();
    let mut pcm = [0i16; 160];
    for frame in &frames[..8] {
        let _ = decoder.decode(Some(frame), &mut pcm).unwrap();
        encoder.encode(&pcm, &mut [0; 40]).unwrap();
    }
    let (mut decoder_before, mut encoder_before) = (decoder.clone(), encoder.clone());

    for bytes in [0, 1, 2, 4, 7, 19, 401, 1000, 70_000] {
        let mut frame = vec![0; bytes];
        assert_eq!(decoder.decode(Some(&frame), &mut pcm), Err(DecodeError::FrameLength(bytes)));
        assert_eq!(encoder.encode(&[0; 160], &mut frame), Err(EncodeError::FrameLength(bytes)));
    }
    for given in [0, 1, 120, 159, 161, 320] {
        let mut pcm = vec![0i16; given];
        let expected = 160;
        assert_eq!(
            decoder.decode(Some(&frames[8]), &mut pcm),
            Err(DecodeError::PcmLength { expected, given })
        );
        assert_eq!(decoder.decode(None, &mut pcm), Err(DecodeError::PcmLength { expected, given }));
        assert_eq!(encoder.encode(&pcm, &mut [0; 40]), Err(EncodeError::PcmLength { expected, given }));
    }
    for channel in [Channel { index: 1, of: 1 }, Channel { index: 0, of: 0 }] {
        assert_eq!(decoder.decode_channel(None, &mut pcm, channel), Err(DecodeError::Channel(channel)));
        assert_eq!(encoder.encode_channel(&pcm, channel, &mut [0; 40]), Err(EncodeError::Channel(channel)));
    }
    let immense = Channel { index: 0, of: usize::MAX };
    assert!(decoder.decode_channel(None, &mut pcm, immense).is_err());

    let mut pcm_before = [0i16; 160];
    assert_eq!(decoder.decode(Some(&frames[8]), &mut pcm), Ok(Decoded::Ok));
    assert_eq!(decoder_before.decode(Some(&frames[8]), &mut pcm_before), Ok(Decoded::Ok));
    assert_eq!(pcm, pcm_before);
    let (mut frame, mut frame_before) = ([0; 40], [0; 40]);
    encoder.encode(&pcm, &mut frame).unwrap();
    encoder_before.encode(&pcm, &mut frame_before).unwrap();
    assert_eq!(frame, frame_before);
}

#[test]
fn damaged_frames_never_panic_nor_leave_the_range_and_are_got_over() {
    let outcome = support::fuzz::run(120_000, 1);
    assert!(outcome.decoded > 0 && outcome.concealed > 0 && outcome.refused > 0, "{outcome:?}");
}

#[test]
fn samples_that_are_no_numbers_are_silence_and_loud_ones_are_clipped() {
    let mut encoder = Encoder::new(16_000, MS10).unwrap();
    let mut tame = encoder.clone();
    let wild = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -7.5, 0.25];
    let tamed = [0.0, 1.0, -1.0, 1.0, -1.0, 0.25];
    for shift in 0..20 {
        let pick =
            |from: &[f32; 6]| -> Vec<f32> { (0..160).map(|i| from[(i * 7 + i / 5 + shift) % 6]).collect() };
        let (mut frame, mut expected) = ([0; 60], [0; 60]);
        encoder.encode_f32(&pick(&wild), &mut frame).unwrap();
        tame.encode_f32(&pick(&tamed), &mut expected).unwrap();
        assert_eq!(frame, expected);
    }
}

#[test]
fn floats_and_integers_are_the_same_audio() {
    let pcm = signals::voice(16_000, 0.5);
    let mut encoder = Encoder::new(16_000, MS10).unwrap();
    let mut decoder = Decoder::new(16_000, MS10).unwrap();
    let mut decoder_f32 = decoder.clone();
    for (frame, pcm) in encoded(&pcm, 40).iter().zip(pcm.chunks_exact(160)) {
        let floats: Vec<f32> = pcm.iter().map(|x| f32::from(*x) / 32_768.0).collect();
        let mut from_floats = [0; 40];
        encoder.encode_f32(&floats, &mut from_floats).unwrap();
        assert_eq!(from_floats, frame.as_slice());
        let (mut integers, mut floats) = ([0i16; 160], [0f32; 160]);
        assert_eq!(decoder.decode(Some(frame), &mut integers), Ok(Decoded::Ok));
        assert_eq!(decoder_f32.decode_f32(Some(frame), &mut floats), Ok(Decoded::Ok));
        for (integer, float) in integers.iter().zip(floats) {
            let exact = (float * 32_768.0).min(32_767.0);
            assert!((f32::from(*integer) - exact).abs() <= 0.5, "{integer} for {exact}");
        }
    }
}

#[test]
fn a_channel_of_interleaved_audio_is_coded_like_that_channel_alone() {
    let left = signals::voice(16_000, 0.3);
    let right = signals::sweep(16_000, 0.3);
    let both: Vec<i16> = left.iter().zip(&right).flat_map(|(l, r)| [*l, *r]).collect();
    let mut encoders = vec![Encoder::new(16_000, MS10).unwrap(); 2];
    let mut decoders = vec![Decoder::new(16_000, MS10).unwrap(); 2];
    let alone = [encoded(&left, 40), encoded(&right, 40)];
    let mut alone_decoders = decoders.clone();
    for (i, pcm) in both.chunks_exact(320).enumerate() {
        let mut out = [0i16; 320];
        for index in 0..2 {
            let channel = Channel { index, of: 2 };
            let mut frame = [0; 40];
            encoders[index].encode_channel(pcm, channel, &mut frame).unwrap();
            assert_eq!(frame, alone[index][i].as_slice());
            assert_eq!(decoders[index].decode_channel(Some(&frame), &mut out, channel), Ok(Decoded::Ok));
        }
        for index in 0..2 {
            let mut expected = [0i16; 160];
            assert_eq!(alone_decoders[index].decode(Some(&alone[index][i]), &mut expected), Ok(Decoded::Ok));
            assert!(out.iter().skip(index).step_by(2).eq(&expected));
        }
    }
}

#[test]
fn frames_of_one_stream_may_differ_in_length() {
    let pcm = signals::voice(16_000, 1.0);
    let mut encoder = Encoder::new(16_000, MS10).unwrap();
    let mut decoder = Decoder::new(16_000, MS10).unwrap();
    let mut heard = Vec::new();
    for (i, pcm) in pcm.chunks_exact(160).enumerate() {
        let mut frame = vec![0; [60, 20, 400, 80, 37][i % 5]];
        encoder.encode(pcm, &mut frame).unwrap();
        let mut out = [0; 160];
        assert_eq!(decoder.decode(Some(&frame), &mut out), Ok(Decoded::Ok));
        heard.extend(out);
    }
    let ratio = support::measure::snr(&pcm[..heard.len() - 40], &heard[40..]);
    assert!(ratio > 10.0, "{ratio} dB");
}

#[test]
fn codecs_can_go_from_thread_to_thread_and_be_copied() {
    fn check<T: Send + Sync + Clone + std::fmt::Debug + 'static>() {}
    check::<Encoder>();
    check::<Decoder>();
    check::<glasslink_lc3::DecoderIn<[f32; 8]>>();
}

#[test]
fn a_codec_at_16_khz_is_under_4_kb() {
    use glasslink_lc3::DecoderIn;
    let heap = DecoderIn::memory_len(16_000, MS10) * size_of::<f32>();
    assert!(size_of::<Decoder>() + heap < 4096, "{} and {heap}", size_of::<Decoder>());
    assert!(size_of::<Encoder>() < 4096, "{}", size_of::<Encoder>());
}

#[test]
fn too_little_memory_is_refused() {
    use glasslink_lc3::DecoderIn;
    let needed = DecoderIn::memory_len(48_000, MS10);
    assert_eq!(DecoderIn::memory_len(47_999, MS10), 0);
    assert_eq!(
        DecoderIn::new_in(vec![0.0; needed - 1], 48_000, MS10).unwrap_err(),
        ConfigError::Memory { needed, given: needed - 1 }
    );
    // What was there before is not heard, and more than enough is fine.
    let mut decoder = DecoderIn::new_in(vec![1e9; needed + 5], 48_000, MS10).unwrap();
    let mut pcm = [7; 480];
    assert_eq!(decoder.decode(None, &mut pcm), Ok(Decoded::Concealed));
    assert_eq!(pcm, [0; 480]);
}

//! The path of a captured frame: PCM, another rate, LC3, and back.

mod common;

use std::task::{Context, Poll, Waker};
use std::time::Instant;

use common::{purity, sine, snr_db};
use glasslink_audio::{
    Captured, Decoded, FrameDecoder, Lc3Source, Lc3SourceError, Pace, Resampled, ResampledError,
    SampleSource, Source, SourceError,
};
use glasslink_protocol::{GapCause, StreamFormat};

/// A source of frames and gaps as they stand in a list.
struct Scripted {
    format: StreamFormat,
    script: std::vec::IntoIter<Result<Captured, Vec<i16>>>,
    now: Instant,
}

impl Source for Scripted {
    fn format(&self) -> StreamFormat {
        self.format
    }

    fn poll_next(
        &mut self,
        _: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        frame.clear();
        Poll::Ready(Ok(self.script.next().map(|step| match step {
            Ok(captured) => captured,
            Err(samples) => {
                frame.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
                let captured_at = self.now;
                self.now += self.format.frame_duration();
                Captured::Frame { captured_at }
            }
        })))
    }
}

fn all(source: &mut impl Source) -> Vec<(Captured, Vec<u8>)> {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut frame, mut all) = (Vec::new(), Vec::new());
    while let Poll::Ready(Some(captured)) = source.poll_next(&mut cx, &mut frame).map(Result::unwrap) {
        all.push((captured, frame.clone()));
    }
    all
}

fn memory(hertz: f64, rate: u32) -> SampleSource {
    SampleSource::new(sine(hertz, rate, rate as usize), rate, Pace::UNPACED).unwrap()
}

#[test]
fn a_tone_survives_the_codec_and_a_lost_frame_is_concealed_and_said_so() {
    let mut source = Lc3Source::new(memory(440.0, 16_000), 40).unwrap();
    let frames = all(&mut source);
    assert_eq!(frames.len(), 100);
    let mut decoder = FrameDecoder::new(source.format()).unwrap();
    let mut samples = Vec::new();
    for (n, (_, frame)) in frames.iter().enumerate() {
        let lost = n == 50;
        let outcome = decoder.decode((!lost).then_some(frame), &mut samples);
        assert_eq!(outcome, if lost { Decoded::Concealed } else { Decoded::Ok });
    }
    assert_eq!(samples.len(), 16_000);
    assert!(purity(&samples[800..7_800], 440.0, 16_000) > 0.98);
    let concealed = &samples[50 * 160..51 * 160];
    assert!(concealed.iter().any(|sample| sample.unsigned_abs() > 4_000), "concealment is not silence");
}

#[test]
fn a_frame_of_the_wrong_size_is_a_lost_one() {
    for format in [StreamFormat::lc3(16_000, 20).unwrap(), StreamFormat::pcm(48_000).unwrap()] {
        let mut decoder = FrameDecoder::new(format).unwrap();
        for wrong in [&[][..], &[0; 19], &[0xff; 5000]] {
            assert_eq!(decoder.decode(Some(wrong), &mut Vec::new()), Decoded::Concealed);
        }
    }
}

#[test]
fn every_lc3_format_is_decoded_to_sixteen_kilohertz() {
    for rate in [8_000, 16_000, 24_000, 32_000, 48_000] {
        let mut source = Lc3Source::new(memory(440.0, rate), 80).unwrap();
        let mut decoder = FrameDecoder::new(source.format()).unwrap();
        let mut samples = Vec::new();
        for (_, frame) in all(&mut source) {
            assert_eq!(decoder.decode(Some(&frame), &mut samples), Decoded::Ok);
        }
        decoder.finish(&mut samples);
        assert_eq!(samples.len(), 16_000, "{rate} Hz");
        assert!(purity(&samples[800..15_000], 440.0, 16_000) > 0.99, "{rate} Hz");
    }
}

#[test]
fn resampling_keeps_every_frame_its_time_and_the_gaps_between() {
    let tone = sine(997.0, 48_000, 4_800 * 2);
    let gap = Captured::Gap { frames: 7, cause: GapCause::Radio };
    let frames = |range: std::ops::Range<usize>| tone[range].chunks(480).map(|frame| Err(frame.to_vec()));
    let script: Vec<_> = frames(0..4_800).chain([Ok(gap)]).chain(frames(4_800..9_600)).collect();
    let now = Instant::now();
    let format = StreamFormat::pcm(48_000).unwrap();
    let mut source = Resampled::new(Scripted { format, script: script.into_iter(), now }, 16_000).unwrap();

    let yielded = all(&mut source);
    assert_eq!(yielded.len(), 21);
    assert_eq!(yielded[10].0, gap);
    let spoken = yielded.iter().filter(|(captured, _)| *captured != gap);
    for (n, (captured, frame)) in spoken.enumerate() {
        assert_eq!(*captured, Captured::Frame { captured_at: now + format.frame_duration() * n as u32 });
        assert_eq!(frame.len(), 320);
    }
    let first: Vec<i16> = yielded[..10]
        .iter()
        .flat_map(|(_, frame)| frame.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)))
        .collect();
    assert!(snr_db(&first, 997.0, 16_000, 320) > 60.0);
}

#[test]
fn what_cannot_be_encoded_is_refused_with_the_reason() {
    let lc3 = Lc3Source::new(memory(440.0, 16_000), 20).unwrap();
    assert!(matches!(Lc3Source::new(lc3, 20), Err(Lc3SourceError::NotPcm(_))));
    assert!(matches!(Lc3Source::new(memory(440.0, 16_000), 401), Err(Lc3SourceError::FrameBytes(401))));
    assert!(matches!(Lc3Source::new(memory(440.0, 22_050), 20), Err(Lc3SourceError::Frame { .. })));
    assert!(matches!(Lc3Source::new(memory(440.0, 44_100), 20), Err(Lc3SourceError::Frame { .. })));
    assert!(matches!(Resampled::new(memory(440.0, 22_050), 16_000), Err(ResampledError::Frame { .. })));
}

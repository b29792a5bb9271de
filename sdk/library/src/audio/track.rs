use std::ops::Range;
use std::sync::Arc;

use glasslink_audio::journal::{FullQuality, RecordedRun, Recording, RecordingError};
use glasslink_audio::{DecoderError, FrameDecoder, Resampler};
use glasslink_protocol::StreamFormat;

use super::cursor::{FrameCursor, Next};
use crate::content::Placed;

/// One stream of a recording as samples, at any place.
#[derive(Debug)]
pub(super) struct Track {
    recording: Arc<Recording>,
    placed: Placed,
    runs: Arc<[RecordedRun]>,
    /// The full quality and where it is there, in samples.
    full: Option<(FullQuality, Vec<Range<u64>>)>,
    rate: u32,
    decoding: Option<Decoding>,
}

/// Frames that are decoded one behind the other.
#[derive(Debug)]
struct Decoding {
    cursor: FrameCursor,
    decoder: FrameDecoder,
    /// Place of the first sample in `samples`, in the decoder's rate.
    first: u64,
    samples: Vec<i16>,
    /// Where what is put in next lies.
    put: u64,
    /// Samples of a gap that are still to be put in.
    silent: u64,
    format: StreamFormat,
    finished: bool,
}

/// Frames before those that are wanted, for the codec to find its way: LC3 overlaps one, Opus predicts from a few.
const PREROLL: u64 = 5;

const DECODED: u64 = FrameDecoder::SAMPLE_RATE as u64;

impl Track {
    /// `full`: to be used for its samples, which have this rate.
    pub(super) fn new(
        recording: &Arc<Recording>,
        placed: Placed,
        full: Option<(FullQuality, u32)>,
    ) -> Result<Self, RecordingError> {
        let stream = placed.stream.stream;
        let runs = recording.runs(stream)?.into();
        let rate = full.as_ref().map_or(FrameDecoder::SAMPLE_RATE, |(_, rate)| *rate);
        let full = full.map(|(full, _)| {
            let coverage = full.coverage(stream);
            (full, coverage)
        });
        Ok(Self { recording: Arc::clone(recording), placed, runs, full, rate, decoding: None })
    }

    pub(super) fn placed(&self) -> &Placed {
        &self.placed
    }

    pub(super) fn runs(&self) -> &[RecordedRun] {
        &self.runs
    }

    /// Whether this build has a decoder for what was recorded.
    pub(super) fn check(&self) -> Result<(), DecoderError> {
        if self.full.is_none() { FrameDecoder::new(self.format()).map(drop) } else { Ok(()) }
    }

    /// Adds to `out` the samples from `from` on, counted from the start of the stream. Where it has none, it is silent.
    pub(super) fn add(&mut self, from: u64, out: &mut [i32]) -> Result<(), RecordingError> {
        let range = from..from + out.len() as u64;
        if self.full_quality_covers(&range) {
            return self.add_full_quality(range, out);
        }
        if self.rate == FrameDecoder::SAMPLE_RATE {
            return self.add_decoded(range, out);
        }
        // The full quality has a hole here: what was sent is there.
        let (rate, decoded_rate) = (u64::from(self.rate), DECODED);
        let decoded = range.start * decoded_rate / rate..(range.end * decoded_rate).div_ceil(rate);
        let mut samples = vec![0; (decoded.end - decoded.start) as usize];
        self.add_decoded(decoded, &mut samples)?;
        let Ok(mut resampler) = Resampler::new(FrameDecoder::SAMPLE_RATE, self.rate) else { return Ok(()) };
        let input: Vec<f32> = samples.iter().map(|sample| *sample as f32).collect();
        let mut output = Vec::new();
        resampler.process(&input, &mut output);
        resampler.finish(&mut output);
        for (to, sample) in out.iter_mut().zip(output) {
            *to += sample.round() as i32;
        }
        Ok(())
    }

    fn format(&self) -> StreamFormat {
        self.placed.stream.info.format
    }

    fn full_quality_covers(&self, range: &Range<u64>) -> bool {
        let Some((_, coverage)) = &self.full else { return false };
        let (rate, format) = (u64::from(self.rate), self.format());
        let recorded = self.runs.iter().filter(|run| run.gap.is_none()).map(|run| {
            let (from, to) = (place(&format, run.from.0, rate), place(&format, run.to.0, rate));
            from.max(range.start)..to.min(range.end)
        });
        recorded
            .filter(|wanted| wanted.start < wanted.end)
            .all(|wanted| coverage.iter().any(|has| has.start <= wanted.start && has.end >= wanted.end))
    }

    fn add_full_quality(&self, range: Range<u64>, out: &mut [i32]) -> Result<(), RecordingError> {
        let Some((full, _)) = &self.full else { return Ok(()) };
        full.samples(self.placed.stream.stream, &range, |first, bytes| {
            for (place, sample) in (first..).zip(bytes.as_chunks().0) {
                let to = place.checked_sub(range.start).and_then(|place| out.get_mut(place as usize));
                if let Some(to) = to {
                    *to += i32::from(i16::from_le_bytes(*sample));
                }
            }
        })
    }

    fn add_decoded(&mut self, range: Range<u64>, out: &mut [i32]) -> Result<(), RecordingError> {
        let follows = self.decoding.as_ref().is_some_and(|decoding| decoding.first == range.start);
        if !follows {
            let Ok(decoding) = self.decode_from(range.start) else { return Ok(()) };
            self.decoding = Some(decoding);
        }
        let Some(decoding) = &mut self.decoding else { return Ok(()) };
        while decoding.end() < range.end && !decoding.finished {
            decoding.step()?;
        }
        let wanted = decoding.samples.len().min(out.len());
        for (to, sample) in out.iter_mut().zip(decoding.samples.drain(..wanted)) {
            *to += i32::from(sample);
        }
        decoding.first = range.end;
        Ok(())
    }

    /// A decoding whose first sample is `wanted`.
    fn decode_from(&self, wanted: u64) -> Result<Decoding, DecoderError> {
        let format = self.format();
        let frame = wanted * u64::from(format.sample_rate()) / (DECODED * u64::from(format.frame_samples()));
        let first = frame.saturating_sub(PREROLL);
        let range = first..self.placed.stream.next.0.max(first);
        let stream = self.placed.stream.stream;
        let cursor = FrameCursor::new(Arc::clone(&self.recording), stream, Arc::clone(&self.runs), range);
        let starts = place(&format, first, DECODED);
        let mut decoding = Decoding {
            cursor,
            decoder: FrameDecoder::new(format)?,
            first: starts,
            samples: Vec::new(),
            put: first,
            silent: 0,
            format,
            finished: false,
        };
        while decoding.end() < wanted && !decoding.finished {
            if decoding.step().is_err() {
                // It is told when the samples themselves are read.
                break;
            }
        }
        let early = (wanted - starts).min(decoding.samples.len() as u64);
        decoding.samples.drain(..early as usize);
        decoding.first = wanted;
        Ok(decoding)
    }
}

impl Decoding {
    fn end(&self) -> u64 {
        self.first + self.samples.len() as u64
    }

    /// Decodes a frame, or puts in some of a gap's silence.
    fn step(&mut self) -> Result<(), RecordingError> {
        if self.silent > 0 {
            let some = self.silent.min(DECODED);
            self.samples.resize(self.samples.len() + some as usize, 0);
            self.silent -= some;
            return Ok(());
        }
        match self.cursor.next()? {
            Some(Next::Frame(frame)) => {
                // A damaged one is made up by the codec.
                let _ = self.decoder.decode(Some(frame), &mut self.samples);
                self.put += 1;
            }
            Some(Next::Gap { frames, .. }) => {
                self.decoder.finish(&mut self.samples);
                // What comes behind it has nothing to do with what was before.
                if let Ok(fresh) = FrameDecoder::new(self.format) {
                    self.decoder = fresh;
                }
                self.put += frames;
                self.silent = place(&self.format, self.put, DECODED).saturating_sub(self.end());
            }
            None => {
                self.decoder.finish(&mut self.samples);
                self.finished = true;
            }
        }
        Ok(())
    }
}

/// The place of a frame in samples of `rate`.
fn place(format: &StreamFormat, frame: u64, rate: u64) -> u64 {
    let place = u128::from(frame) * u128::from(format.frame_samples()) * u128::from(rate);
    (place / u128::from(format.sample_rate())) as u64
}

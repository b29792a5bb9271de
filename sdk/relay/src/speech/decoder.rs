use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use glasslink_audio::{Decoded, DecoderError, FrameDecoder};
use glasslink_protocol::{FrameIndex, StreamFormat};

use crate::session::Telemetry;
use crate::speech::Timeline;

/// Bad frames in a row, by their time, before a decoder is thrown away; as many again, and the stream is not what it
/// was declared to be.
const BAD: Duration = Duration::from_secs(1);

/// A stream's decoder that survives what it is given: a frame it cannot make anything of, or one it panics on, is
/// concealed and counted, and the next one is decoded.
pub(crate) struct StreamDecoder {
    format: StreamFormat,
    decoder: FrameDecoder,
    timeline: Timeline,
    /// Frames since it was made, and their samples.
    frames: u64,
    samples: u64,
    /// Bad ones in a row.
    bad: u64,
    /// Whether the bad ones of the last second cost a decoder.
    renewed: bool,
    undecodable: bool,
    how: Decode,
}

type Decode = fn(&mut FrameDecoder, Option<&[u8]>, &mut Vec<i16>) -> Decoded;

impl StreamDecoder {
    pub(crate) fn new(format: StreamFormat) -> Result<Self, DecoderError> {
        Self::with(format, FrameDecoder::decode)
    }

    fn with(format: StreamFormat, how: Decode) -> Result<Self, DecoderError> {
        Ok(Self {
            format,
            decoder: FrameDecoder::new(format)?,
            timeline: Timeline::new(&format, FrameIndex(0)),
            frames: 0,
            samples: 0,
            bad: 0,
            renewed: false,
            undecodable: false,
            how,
        })
    }

    /// Appends the samples of the next frame; `None` for one that was lost.
    pub(crate) fn decode(&mut self, frame: Option<&[u8]>, samples: &mut Vec<i16>) {
        let before = samples.len();
        let (inner, how) = (&mut self.decoder, self.how);
        let decoded = catch_unwind(AssertUnwindSafe(|| how(inner, frame, samples)));
        self.frames += 1;
        let panicked = decoded.is_err();
        if panicked {
            samples.truncate(before);
        }
        self.samples += (samples.len() - before) as u64;
        if panicked {
            // What is left of it is not to be trusted.
            self.renew(samples);
        }
        if frame.is_none() {
            return;
        }
        if !panicked && decoded.is_ok_and(|decoded| decoded == Decoded::Ok) {
            self.bad = 0;
            self.renewed = false;
            return;
        }
        Telemetry::bad_frame();
        self.bad += 1;
        if self.format.duration(self.bad) >= BAD {
            self.bad = 0;
            if self.renewed {
                self.undecodable = true;
            } else {
                self.renew(samples);
                self.renewed = true;
            }
        }
    }

    /// Appends what resampling still holds back, to the last sample of the frames there were; the next frame begins
    /// a new stream.
    pub(crate) fn finish(&mut self, samples: &mut Vec<i16>) {
        let before = samples.len();
        let decoder = &mut self.decoder;
        if catch_unwind(AssertUnwindSafe(|| decoder.finish(samples))).is_err() {
            samples.truncate(before);
        }
        let due = self.timeline.position(FrameIndex(self.frames)).saturating_sub(self.samples);
        samples.resize(before + due as usize, 0);
        (self.frames, self.samples) = (0, 0);
        if let Ok(decoder) = FrameDecoder::new(self.format) {
            self.decoder = decoder;
        }
    }

    /// Whether two seconds of frames in a row were bad, since this was last asked.
    pub(crate) fn take_undecodable(&mut self) -> bool {
        std::mem::take(&mut self.undecodable)
    }

    /// A fresh decoder, which goes on at the sample where this one was.
    fn renew(&mut self, samples: &mut Vec<i16>) {
        self.finish(samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 160;

    fn lc3() -> StreamFormat {
        StreamFormat::lc3(16_000, 20).unwrap()
    }

    /// Panics on frames of 9s, and makes nothing of frames of 7s.
    fn touchy(decoder: &mut FrameDecoder, frame: Option<&[u8]>, samples: &mut Vec<i16>) -> Decoded {
        let _ = decoder.decode(frame, samples);
        match frame {
            Some([9, ..]) => panic!("a frame of 9s"),
            Some([7, ..]) => Decoded::Concealed,
            _ => Decoded::Ok,
        }
    }

    // SPEC P20.7
    #[test]
    fn a_panic_in_the_decoder_costs_one_frame() {
        let mut decoder = StreamDecoder::with(lc3(), touchy).unwrap();
        let mut samples = Vec::new();
        for (number, byte) in [1, 9, 1].into_iter().enumerate() {
            decoder.decode(Some(&[byte; 20]), &mut samples);
            assert_eq!(samples.len(), (number + 1) * FRAME);
        }
        assert!(samples[FRAME..2 * FRAME].iter().all(|sample| *sample == 0), "the frame is silence");
        assert_eq!((decoder.bad, decoder.take_undecodable()), (0, false));
    }

    #[test]
    fn with_resampling_a_panic_moves_no_sample() {
        let format = StreamFormat::opus(48_000, 960).unwrap();
        let mut decoder = StreamDecoder::with(format, touchy).unwrap();
        let mut samples = Vec::new();
        for byte in [1, 9, 1, 1] {
            decoder.decode(Some(&[byte; 20]), &mut samples);
        }
        decoder.finish(&mut samples);
        assert_eq!(samples.len(), 4 * 320);
    }

    // SPEC P20.7
    #[test]
    fn a_second_of_bad_frames_gets_a_fresh_decoder_and_another_one_a_word_to_the_client() {
        let mut decoder = StreamDecoder::with(lc3(), touchy).unwrap();
        let mut samples = Vec::new();
        let mut bad = |decoder: &mut StreamDecoder, frames| {
            (0..frames).for_each(|_| decoder.decode(Some(&[7; 20]), &mut samples));
        };
        bad(&mut decoder, 99);
        assert!(!decoder.renewed);
        bad(&mut decoder, 1);
        assert!(decoder.renewed);
        bad(&mut decoder, 99);
        assert!(!decoder.take_undecodable());
        bad(&mut decoder, 1);
        assert!(decoder.take_undecodable());
        assert!(!decoder.take_undecodable(), "it is said once");
    }

    #[test]
    fn one_good_frame_forgives_all_bad_ones() {
        let mut decoder = StreamDecoder::with(lc3(), touchy).unwrap();
        let mut samples = Vec::new();
        for frame in 0..1_000 {
            let byte = if frame % 50 == 0 { 1 } else { 7 };
            decoder.decode(Some(&[byte; 20]), &mut samples);
        }
        assert!(!decoder.renewed && !decoder.take_undecodable());
    }
}

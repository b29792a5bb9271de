use glasslink_asr::SAMPLE_RATE;
use glasslink_protocol::{FrameIndex, StreamFormat};

/// No position lies beyond this, however absurd a gap a client tells of, so that positions can be added up. Ten million
/// years in.
const MOST: u64 = 1 << 62;

/// Where the samples of a recognition stand among the frames of its stream. Exact at every index: no rounding adds up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    /// The frame at position 0.
    start: FrameIndex,
    /// Samples a frame has, and how many of them a second has.
    frame_samples: u64,
    sample_rate: u64,
}

impl Timeline {
    pub(crate) fn new(format: &StreamFormat, start: FrameIndex) -> Self {
        let (frame_samples, sample_rate) = (format.frame_samples().into(), format.sample_rate().into());
        Self { start, frame_samples, sample_rate }
    }

    /// The position of the first sample of `frame`, or of the first one in it.
    pub(crate) fn position(&self, frame: FrameIndex) -> u64 {
        let samples = u128::from(frame.since(self.start)) * u128::from(self.frame_samples);
        let position = (samples * u128::from(SAMPLE_RATE)).div_ceil(u128::from(self.sample_rate));
        u64::try_from(position).unwrap_or(MOST).min(MOST)
    }

    /// The frame that the sample at `position` lies in.
    pub(crate) fn frame(&self, position: u64) -> FrameIndex {
        let samples = u128::from(position) * u128::from(self.sample_rate);
        let frames = samples / (u128::from(self.frame_samples) * u128::from(SAMPLE_RATE));
        FrameIndex(self.start.0.saturating_add(u64::try_from(frames).unwrap_or(u64::MAX)))
    }

    /// The first frame that begins at `position` or after it.
    pub(crate) fn frame_after(&self, position: u64) -> FrameIndex {
        let frame = self.frame(position);
        if self.position(frame) < position { frame + 1 } else { frame }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_frames_agree_at_every_rate() {
        let formats = [
            StreamFormat::lc3(8_000, 20).unwrap(),
            StreamFormat::lc3(16_000, 20).unwrap(),
            StreamFormat::lc3(24_000, 40).unwrap(),
            StreamFormat::lc3(44_100, 100).unwrap(),
            StreamFormat::opus(48_000, 960).unwrap(),
            StreamFormat::pcm(11_025).unwrap(),
        ];
        for format in formats {
            for start in [0, 7, 1 << 40] {
                let timeline = Timeline::new(&format, FrameIndex(start));
                for frames in [0, 1, 2, 99, 100_000, 1 << 33] {
                    let frame = FrameIndex(start + frames);
                    let position = timeline.position(frame);
                    assert_eq!(timeline.frame(position), frame, "{format:?} {frame}");
                    assert_eq!(timeline.frame_after(position), frame, "{format:?} {frame}");
                    assert_eq!(timeline.frame(position + 1), frame, "{format:?} {frame}");
                    assert_eq!(timeline.frame_after(position + 1), frame + 1, "{format:?} {frame}");
                }
            }
        }
    }

    #[test]
    fn a_day_at_44100_hz_does_not_drift() {
        let format = StreamFormat::lc3(44_100, 100).unwrap();
        let day = FrameIndex(format.frames_in(std::time::Duration::from_hours(24)));
        let position = Timeline::new(&format, FrameIndex(0)).position(day);
        let exact = day.0 as f64 * 480.0 / 44_100.0 * 16_000.0;
        assert!((position as f64 - exact).abs() <= 1.0);
    }
}

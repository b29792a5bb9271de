//! From what arrives to frames with their times, and the gaps between.

use std::collections::VecDeque;
use std::time::Instant;

use glasslink_protocol::{GapCause, StreamFormat};

use super::capture::Arrived;
use super::clock::{DeviceClock, seconds_between};
use super::defaults::SETTLE;
use crate::{Captured, Resampler};

/// Makes frames of one format from the audio of one device after another.
///
/// Frames and gaps together are the time since the first sample: whenever audio begins anew, the gap before it is as
/// long as it takes to get there.
#[derive(Debug)]
pub(super) struct Framer {
    format: StreamFormat,
    device: Option<Segment>,
    /// When frame 0 began, and whether that is settled: the first second of audio says it better and better.
    origin: Option<Instant>,
    is_anchored: bool,
    /// The next frame's index.
    next: u64,
    ready: VecDeque<Captured>,
    /// The samples of what is ready, from `taken` on.
    pcm: Vec<i16>,
    taken: usize,
    /// Why the next gap is one.
    cause: GapCause,
}

/// What one device delivers from when it is opened.
#[derive(Debug)]
struct Segment {
    resampler: Resampler,
    clock: Option<DeviceClock>,
    /// Audio that waits until its time is known.
    held: Option<Vec<f32>>,
    /// The device's sample that the resampler began with, and what came out since.
    first: Option<u64>,
    made: u64,
    /// Resampled, and not yet a whole frame.
    output: Vec<f32>,
}

impl Framer {
    pub(super) fn new(format: StreamFormat) -> Self {
        Self {
            format,
            device: None,
            origin: None,
            is_anchored: false,
            next: 0,
            ready: VecDeque::with_capacity(64),
            pcm: Vec::new(),
            taken: 0,
            cause: GapCause::Absent,
        }
    }

    /// What comes from now on is another device's.
    pub(super) fn open(&mut self, resampler: Resampler) {
        self.close();
        let held = Some(Vec::new());
        self.device =
            Some(Segment { resampler, clock: None, held, first: None, made: 0, output: Vec::new() });
    }

    /// Nothing more comes from the device. What is less than a frame is part of the gap that follows.
    pub(super) fn close(&mut self) {
        self.settle();
        if let Some(device) = &mut self.device {
            device.resampler.finish(&mut device.output);
        }
        self.make_frames();
        self.device = None;
        self.is_anchored = self.origin.is_some();
        self.cause = GapCause::Absent;
    }

    /// Takes audio as it arrived.
    pub(super) fn arrived(&mut self, samples: &[f32], arrived: Arrived) {
        if arrived.lost > 0 {
            self.interrupt();
        }
        let Some(device) = &mut self.device else { return };
        let rate = device.resampler.from_rate();
        let hole = if let Some(clock) = &mut device.clock {
            clock.arrived(arrived.end, arrived.at)
        } else {
            device.clock = Some(DeviceClock::start(rate, arrived.end, arrived.at));
            None
        };
        if let Some(hole) = hole {
            self.interrupt();
            if let Some(clock) = self.device.as_mut().and_then(|device| device.clock.as_mut()) {
                clock.jump(hole);
            }
        }
        let Some(device) = &mut self.device else { return };
        let first = *device.first.get_or_insert(arrived.end - samples.len() as u64);
        if !self.is_anchored
            && let Some(clock) = &device.clock
        {
            self.origin = Some(clock.captured_at(first));
            self.is_anchored = clock.is_settled();
        }
        match &mut device.held {
            Some(held) => {
                held.extend_from_slice(samples);
                if held.len() as f64 >= SETTLE.as_secs_f64() * f64::from(rate) {
                    self.settle();
                }
            }
            None => device.resampler.process(samples, &mut device.output),
        }
        self.make_frames();
    }

    /// Tells the time up to `now` in which nothing was captured.
    pub(super) fn nothing_until(&mut self, now: Instant) {
        if self.device.is_none() {
            self.gap_to(now, f64::floor);
        }
    }

    /// Takes what is next.
    pub(super) fn take(&mut self, frame: &mut Vec<u8>) -> Option<Captured> {
        frame.clear();
        let captured = self.ready.pop_front()?;
        if let Captured::Frame { .. } = captured {
            let size = self.format.frame_samples() as usize;
            let samples = &self.pcm[self.taken..self.taken + size];
            frame.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
            self.taken += size;
        }
        if self.ready.is_empty() {
            self.pcm.clear();
            self.taken = 0;
        }
        Some(captured)
    }

    /// When the next frame would begin.
    pub(super) fn captured_until(&self) -> Option<Instant> {
        Some(self.origin? + self.format.stream_time(glasslink_protocol::FrameIndex(self.next)))
    }

    pub(super) fn drift_ppm(&self) -> Option<f64> {
        self.device.as_ref()?.clock.as_ref()?.drift_ppm()
    }

    /// Audio is missing before what arrives next.
    fn interrupt(&mut self) {
        self.settle();
        if let Some(device) = &mut self.device {
            device.resampler.finish(&mut device.output);
        }
        self.make_frames();
        if let Some(device) = &mut self.device {
            device.output.clear();
            (device.made, device.first) = (0, None);
            device.held = Some(Vec::new());
        }
        self.is_anchored = true;
        self.cause = GapCause::Overflow;
    }

    /// The time of what is held is known: tells the gap before it.
    fn settle(&mut self) {
        let Some(device) = &mut self.device else { return };
        let Some(held) = device.held.take() else { return };
        let Some(clock) = &device.clock else { return };
        let Some(first) = device.first else { return };
        let began = clock.captured_at(first);
        self.gap_to(began, f64::round);
        self.cause = GapCause::Absent;
        if let Some(device) = &mut self.device {
            device.resampler.process(&held, &mut device.output);
        }
        self.make_frames();
    }

    fn gap_to(&mut self, time: Instant, rounded: fn(f64) -> f64) {
        let Some(next) = self.captured_until() else { return };
        let frames = rounded(seconds_between(next, time) / self.format.frame_duration().as_secs_f64());
        if frames >= 1.0 {
            let frames = frames as u64;
            self.next += frames;
            match self.ready.back_mut() {
                Some(Captured::Gap { frames: known, cause }) if *cause == self.cause => *known += frames,
                _ => self.ready.push_back(Captured::Gap { frames, cause: self.cause }),
            }
        }
    }

    fn make_frames(&mut self) {
        let Some(device) = &mut self.device else { return };
        let (Some(clock), Some(first)) = (&device.clock, device.first) else { return };
        let size = self.format.frame_samples() as usize;
        let ratio = f64::from(device.resampler.from_rate()) / f64::from(self.format.sample_rate());
        let whole = device.output.len() / size * size;
        if whole == 0 {
            return;
        }
        for frame in device.output[..whole].chunks_exact(size) {
            let captured_at = clock.captured_at(first + (device.made as f64 * ratio) as u64);
            self.pcm.extend(frame.iter().map(|sample| (sample * 32_768.0).clamp(-32_768.0, 32_767.0) as i16));
            self.ready.push_back(Captured::Frame { captured_at });
            device.made += size as u64;
            self.next += 1;
        }
        device.output.drain(..whole);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn frames_in(format: &StreamFormat, lasting: Duration) -> u64 {
        (lasting.as_secs_f64() / format.frame_duration().as_secs_f64()).round() as u64
    }

    struct Device {
        rate: u32,
        position: u64,
        opened_at: Instant,
    }

    impl Device {
        fn open(framer: &mut Framer, rate: u32, opened_at: Instant) -> Self {
            framer.open(Resampler::new(rate, framer.format.sample_rate()).unwrap());
            Self { rate, position: 0, opened_at }
        }

        fn deliver(&mut self, framer: &mut Framer, lasting: Duration) {
            let chunk = self.rate as u64 / 50;
            for _ in 0..(lasting.as_millis() / 20) {
                self.position += chunk;
                let at = self.position as f64 / f64::from(self.rate);
                let arrived_at = self.opened_at + Duration::from_secs_f64(at);
                let samples = vec![0.25; chunk as usize];
                framer.arrived(&samples, Arrived { lost: 0, end: self.position, at: arrived_at });
            }
        }
    }

    fn taken(framer: &mut Framer) -> Vec<Captured> {
        let mut frame = Vec::new();
        std::iter::from_fn(|| framer.take(&mut frame)).collect()
    }

    fn length(all: &[Captured]) -> u64 {
        let frames = |captured: &Captured| match captured {
            Captured::Frame { .. } => 1,
            Captured::Gap { frames, .. } => *frames,
        };
        all.iter().map(frames).sum()
    }

    #[test]
    fn frames_and_gaps_are_the_time_that_passed_whatever_the_devices() {
        for (first, second) in [(48_000, 44_100), (16_000, 48_000), (44_100, 22_050), (8_000, 96_000)] {
            for rate in [16_000, 48_000] {
                let format = StreamFormat::pcm(rate).unwrap();
                let mut framer = Framer::new(format);
                let start = Instant::now();
                Device::open(&mut framer, first, start).deliver(&mut framer, Duration::from_secs(2));
                framer.close();
                let away = Duration::from_micros(3_333_333);
                framer.nothing_until(start + Duration::from_millis(3_005));
                let back = start + Duration::from_secs(2) + away;
                Device::open(&mut framer, second, back).deliver(&mut framer, Duration::from_secs(2));
                framer.close();
                let all = taken(&mut framer);
                let expected = frames_in(&format, Duration::from_secs(4) + away);
                assert!(length(&all).abs_diff(expected) <= 1, "{first} {second} {rate}: {}", length(&all));
                let gaps = all.iter().filter(|captured| matches!(captured, Captured::Gap { .. })).count();
                assert!((1..=2).contains(&gaps), "{gaps} gaps");
                let Some(Captured::Frame { captured_at }) = all.last() else { panic!("ends with a gap") };
                let index = length(&all) - 1;
                let stream_time = format.stream_time(glasslink_protocol::FrameIndex(index));
                assert!(seconds_between(start + stream_time, *captured_at).abs() <= 0.011);
            }
        }
    }

    #[test]
    fn audio_that_never_came_is_a_gap_of_its_length() {
        let format = StreamFormat::pcm(16_000).unwrap();
        let mut framer = Framer::new(format);
        let start = Instant::now();
        let mut device = Device::open(&mut framer, 48_000, start);
        device.deliver(&mut framer, Duration::from_secs(3));
        device.opened_at += Duration::from_millis(320);
        device.deliver(&mut framer, Duration::from_secs(4));
        framer.close();
        let all = taken(&mut framer);
        let gaps: Vec<_> = all.iter().filter(|captured| matches!(captured, Captured::Gap { .. })).collect();
        assert_eq!(gaps, [&Captured::Gap { frames: 32, cause: GapCause::Overflow }]);
        assert!(length(&all).abs_diff(732) <= 1);
    }

    #[test]
    fn what_the_consumer_was_too_slow_for_is_a_gap_that_counts_as_lost() {
        let format = StreamFormat::pcm(16_000).unwrap();
        let mut framer = Framer::new(format);
        let start = Instant::now();
        Device::open(&mut framer, 16_000, start);
        let second = vec![0.5; 16_000];
        let arrived = |end, lost| Arrived { lost, end, at: start + Duration::from_secs(end / 16_000) };
        framer.arrived(&second, arrived(16_000, 0));
        framer.arrived(&second, arrived(64_000, 32_000));
        framer.close();
        let all = taken(&mut framer);
        assert_eq!(length(&all), 400);
        assert!(all.contains(&Captured::Gap { frames: 200, cause: GapCause::Overflow }));
    }
}

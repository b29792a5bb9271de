//! What runs on the sound system's thread: no allocation, no lock, no system call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use cpal::{FromSample, Sample};
use rtrb::{Consumer, Producer, RingBuffer};

use super::defaults::RING;
use super::{DeviceCause, NativeFormat};

/// Takes a device's audio, on the sound system's thread. What does not fit, because nobody takes it, is left out and
/// counted.
#[derive(Debug)]
pub struct CaptureSink {
    audio: Producer<f32>,
    deliveries: Producer<Chunk>,
    format: NativeFormat,
    /// Samples a channel had so far, with those that were left out.
    position: u64,
}

/// Takes a device's failures, on the sound system's thread. Only the first counts.
#[derive(Clone, Debug, Default)]
pub struct ErrorSink {
    first: Arc<AtomicU8>,
}

/// The other end of a [`CaptureSink`].
#[derive(Debug)]
pub(crate) struct CaptureReader {
    audio: Consumer<f32>,
    deliveries: Consumer<Chunk>,
    position: u64,
}

/// What one callback delivered.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    first: u64,
    len: usize,
    arrived_at: Instant,
}

/// Audio as it arrived, mono.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    /// Samples that are missing before it.
    pub(crate) lost: u64,
    /// Samples of the device up to its end, with lost ones.
    pub(crate) end: u64,
    pub(crate) at: Instant,
}

/// A ring that holds 5 s of a device's audio.
pub(crate) fn ring(format: NativeFormat) -> (CaptureSink, CaptureReader) {
    let samples = format.sample_rate as usize * RING.as_secs() as usize;
    let (audio, audio_out) = RingBuffer::new(samples);
    // A callback that delivers less than a millisecond is one of a driver that has lost its way.
    let (deliveries, deliveries_out) = RingBuffer::new(RING.as_millis() as usize);
    let sink = CaptureSink { audio, deliveries, format, position: 0 };
    (sink, CaptureReader { audio: audio_out, deliveries: deliveries_out, position: 0 })
}

impl CaptureSink {
    /// What it takes.
    pub fn format(&self) -> NativeFormat {
        self.format
    }

    /// Takes what a callback delivered: samples of all channels in turn, of any type, the last of them captured just
    /// before `arrived_at`. They are mixed to one channel: of more than two, the first two.
    pub fn write<T: Sample>(&mut self, interleaved: &[T], arrived_at: Instant)
    where
        f32: FromSample<T>,
    {
        let channels = usize::from(self.format.channels.max(1));
        let len = interleaved.len() / channels;
        let chunk = Chunk { first: self.position, len, arrived_at };
        self.position += len as u64;
        if len == 0 || self.deliveries.is_full() {
            return;
        }
        let Ok(room) = self.audio.write_chunk_uninit(len) else { return };
        let taken = channels.min(2);
        let scale = 1.0 / taken as f32;
        room.fill_from_iter(interleaved.chunks_exact(channels).map(|frame| {
            let sum: f32 = frame[..taken].iter().map(|sample| f32::from_sample(*sample)).sum();
            sum * scale
        }));
        // There is room: only this end fills it.
        let _ = self.deliveries.push(chunk);
    }
}

impl ErrorSink {
    /// The device failed; it gives no more audio. Some drivers repeat that as fast as they can: they are slowed down.
    pub fn failed(&self, cause: DeviceCause) {
        let known = self.first.compare_exchange(0, cause.to_byte(), Ordering::Relaxed, Ordering::Relaxed);
        if known.is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// How it failed, if it did.
    pub(crate) fn first(&self) -> Option<DeviceCause> {
        DeviceCause::from_byte(self.first.load(Ordering::Relaxed))
    }
}

impl CaptureReader {
    /// Appends the next chunk to `samples`.
    pub(crate) fn read(&mut self, samples: &mut Vec<f32>) -> Option<Arrived> {
        let chunk = self.deliveries.pop().ok()?;
        let ready = self.audio.read_chunk(chunk.len).ok()?;
        let (first, second) = ready.as_slices();
        samples.extend_from_slice(first);
        samples.extend_from_slice(second);
        ready.commit_all();
        let lost = chunk.first.saturating_sub(self.position);
        self.position = chunk.first + chunk.len as u64;
        Some(Arrived { lost, end: self.position, at: chunk.arrived_at })
    }
}

#[cfg(test)]
mod tests {
    use cpal::{I24, U24};

    use super::*;

    const STEREO: NativeFormat = NativeFormat { sample_rate: 1_000, channels: 2 };

    fn read(reader: &mut CaptureReader) -> Option<(Vec<f32>, Arrived)> {
        let mut samples = Vec::new();
        reader.read(&mut samples).map(|arrived| (samples, arrived))
    }

    #[test]
    fn every_sample_type_becomes_the_same_audio() {
        let (mut sink, mut reader) = ring(NativeFormat { sample_rate: 1_000, channels: 1 });
        let now = Instant::now();
        let mut is_half = |what: &str| {
            let (samples, _) = read(&mut reader).unwrap();
            assert!(
                (samples[0] - 0.5).abs() < 0.01 && (samples[1] + 0.5).abs() < 0.01,
                "{what}: {samples:?}"
            );
        };
        macro_rules! half {
            ($($from:ty: $half:expr, $minus_half:expr;)*) => {$(
                sink.write::<$from>(&[$half, $minus_half], now);
                is_half(stringify!($from));
            )*};
        }
        half! {
            i8: 64, -64;
            i16: 0x4000, -0x4000;
            I24: I24::new(0x40_0000).unwrap(), I24::new(-0x40_0000).unwrap();
            i32: 0x4000_0000, -0x4000_0000;
            i64: 0x4000_0000_0000_0000, -0x4000_0000_0000_0000;
            u8: 192, 64;
            u16: 0xc000, 0x4000;
            U24: U24::new(0xc0_0000).unwrap(), U24::new(0x40_0000).unwrap();
            u32: 0xc000_0000, 0x4000_0000;
            u64: 0xc000_0000_0000_0000, 0x4000_0000_0000_0000;
            f32: 0.5, -0.5;
            f64: 0.5, -0.5;
        }
    }

    #[test]
    fn channels_are_mixed_and_further_ones_left_out() {
        let (mut sink, mut reader) = ring(STEREO);
        sink.write(&[0.5_f32, 0.25, -1.0, 1.0], Instant::now());
        assert_eq!(read(&mut reader).unwrap().0, [0.375, 0.0]);

        let (mut sink, mut reader) = ring(NativeFormat { sample_rate: 1_000, channels: 6 });
        sink.write(&[0.5_f32, 0.5, 1.0, 1.0, 1.0, 1.0], Instant::now());
        assert_eq!(read(&mut reader).unwrap().0, [0.5]);
    }

    #[test]
    fn what_nobody_takes_is_counted_and_what_was_taken_stays() {
        let (mut sink, mut reader) = ring(STEREO);
        let second = [0.5_f32; 2_000];
        for _ in 0..7 {
            sink.write(&second, Instant::now());
        }
        for n in 1..=5 {
            let (samples, arrived) = read(&mut reader).unwrap();
            assert_eq!((samples.len(), arrived.lost, arrived.end), (1_000, 0, n * 1_000));
        }
        assert!(read(&mut reader).is_none());
        sink.write(&second, Instant::now());
        let (_, arrived) = read(&mut reader).unwrap();
        assert_eq!((arrived.lost, arrived.end), (2_000, 8_000));
    }

    #[test]
    fn only_the_first_failure_counts() {
        let errors = ErrorSink::default();
        assert_eq!(errors.first(), None);
        for cause in [DeviceCause::Unplugged, DeviceCause::Failed, DeviceCause::NoServer] {
            errors.failed(cause);
        }
        assert_eq!(errors.first(), Some(DeviceCause::Unplugged));
    }
}

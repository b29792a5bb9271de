use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use glasslink_protocol::{Codec, GapCause, StreamFormat};

use super::{Captured, Source, SourceError};

/// What waits longer to be taken makes room for what is captured now: as long as a link's own buffer.
const KEPT: Duration = Duration::from_secs(90);

/// Pushes this much later than their audio lasts were not captured meanwhile: the program was suspended, or the
/// microphone was another's. Programs push every second at least.
const HOLE: Duration = Duration::from_secs(1);

/// A source of what a program pushes, for programs with a microphone of their own.
///
/// Frames that nobody takes for 90 s are a gap `overflow`. A push that comes a second later than it should, or after
/// [`Pusher::pause`], is preceded by a gap `absent`. The source ends when its [`Pusher`] is dropped; a last frame that
/// is not full is filled up with silence.
#[derive(Debug)]
pub struct PushedSource {
    format: StreamFormat,
    shared: Arc<Mutex<Shared>>,
}

/// The other end of a [`PushedSource`]. Never blocks.
#[derive(Debug)]
pub struct Pusher {
    format: StreamFormat,
    shared: Arc<Mutex<Shared>>,
}

/// Why what was pushed was not taken. The next push may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushedError {
    /// Samples have two bytes each, little-endian; a push has whole ones.
    #[error("{0} bytes are no whole number of 16-bit samples")]
    Samples(usize),
    /// Codec frames are pushed one at a time, each of its format's size.
    #[error("a frame of {0} bytes does not fit the stream's format")]
    FrameSize(usize),
    /// The source was let go of: its link was closed, or it was stopped.
    #[error("nobody takes the audio any more")]
    Gone,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: VecDeque<Piece>,
    /// Frames in `waiting`, gaps left out.
    frames: u64,
    /// The beginning of a PCM frame.
    begun: Vec<u8>,
    /// Frames that nobody took in time, before all that waits.
    overflowed: u64,
    last_push: Option<Instant>,
    paused: bool,
    ended: bool,
    waker: Option<Waker>,
}

#[derive(Debug)]
enum Piece {
    Frame { bytes: Vec<u8>, captured_at: Instant },
    Gap { frames: u64, cause: GapCause },
}

impl PushedSource {
    /// A source of frames of `format`, and what pushes them.
    pub fn new(format: StreamFormat) -> (Pusher, Self) {
        let shared = Arc::new(Mutex::new(Shared::default()));
        (Pusher { format, shared: Arc::clone(&shared) }, Self { format, shared })
    }
}

impl Source for PushedSource {
    fn format(&self) -> StreamFormat {
        self.format
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        frame.clear();
        let mut shared = lock(&self.shared);
        if shared.overflowed > 0 {
            let frames = mem::take(&mut shared.overflowed);
            return Poll::Ready(Ok(Some(Captured::Gap { frames, cause: GapCause::Overflow })));
        }
        match shared.waiting.pop_front() {
            Some(Piece::Frame { bytes, captured_at }) => {
                shared.frames -= 1;
                *frame = bytes;
                Poll::Ready(Ok(Some(Captured::Frame { captured_at })))
            }
            Some(Piece::Gap { frames, cause }) => Poll::Ready(Ok(Some(Captured::Gap { frames, cause }))),
            None if shared.ended => Poll::Ready(Ok(None)),
            None => {
                shared.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Pusher {
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// Takes what was just captured: of PCM any number of samples, of another codec one frame.
    pub fn push(&self, bytes: &[u8]) -> Result<(), PushedError> {
        let now = Instant::now();
        let is_pcm = self.format.codec() == Codec::PcmS16le;
        if is_pcm && !bytes.len().is_multiple_of(2) {
            return Err(PushedError::Samples(bytes.len()));
        }
        if !is_pcm && !self.format.accepts(bytes.len()) {
            return Err(PushedError::FrameSize(bytes.len()));
        }
        if Arc::strong_count(&self.shared) == 1 {
            return Err(PushedError::Gone);
        }
        let mut shared = lock(&self.shared);
        let lasting = if is_pcm { self.pcm_time(bytes.len()) } else { self.format.frame_duration() };
        self.note_hole(&mut shared, now, lasting);
        shared.last_push = Some(now);
        if is_pcm {
            self.cut(&mut shared, bytes, now);
        } else {
            let captured_at = now.checked_sub(lasting).unwrap_or(now);
            self.add(&mut shared, bytes.to_vec(), captured_at);
        }
        wake(shared);
        Ok(())
    }

    /// The source stands still on purpose: the time until the next push is a gap `absent`, however short.
    pub fn pause(&self) {
        lock(&self.shared).paused = true;
    }

    fn note_hole(&self, shared: &mut Shared, now: Instant, lasting: Duration) {
        let paused = mem::take(&mut shared.paused);
        let Some(last) = shared.last_push else { return };
        let hole = now.saturating_duration_since(last).saturating_sub(lasting);
        let frames = self.format.frames_in(hole);
        if frames > 0 && (paused || hole >= HOLE) {
            shared.waiting.push_back(Piece::Gap { frames, cause: GapCause::Absent });
        }
    }

    fn cut(&self, shared: &mut Shared, bytes: &[u8], now: Instant) {
        let size = self.format.frame_samples() as usize * 2;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(rest.len().min(size - shared.begun.len()));
            shared.begun.extend_from_slice(part);
            rest = behind;
            if shared.begun.len() == size {
                let frame = mem::replace(&mut shared.begun, Vec::with_capacity(size));
                let age = self.pcm_time(behind.len()) + self.format.frame_duration();
                self.add(shared, frame, now.checked_sub(age).unwrap_or(now));
            }
        }
    }

    fn add(&self, shared: &mut Shared, bytes: Vec<u8>, captured_at: Instant) {
        shared.waiting.push_back(Piece::Frame { bytes, captured_at });
        shared.frames += 1;
        while shared.frames > self.format.frames_in(KEPT)
            && let Some(oldest) = shared.waiting.pop_front()
        {
            match oldest {
                Piece::Frame { .. } => {
                    shared.frames -= 1;
                    shared.overflowed += 1;
                }
                Piece::Gap { frames, .. } => shared.overflowed += frames,
            }
        }
    }

    fn pcm_time(&self, bytes: usize) -> Duration {
        Duration::from_secs(bytes as u64 / 2) / self.format.sample_rate()
    }
}

impl Drop for Pusher {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        let mut frame = mem::take(&mut shared.begun);
        if !frame.is_empty() {
            frame.resize(self.format.frame_samples() as usize * 2, 0);
            let now = Instant::now();
            self.add(&mut shared, frame, now.checked_sub(self.format.frame_duration()).unwrap_or(now));
        }
        shared.ended = true;
        wake(shared);
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whoever waits looks again, once the lock is free.
fn wake(mut shared: MutexGuard<'_, Shared>) {
    let waker = shared.waker.take();
    drop(shared);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceExt;

    async fn all(mut source: PushedSource) -> Vec<(Captured, Vec<u8>)> {
        let mut taken = Vec::new();
        let mut frame = Vec::new();
        while let Some(captured) = source.next(&mut frame).await.unwrap() {
            taken.push((captured, frame.clone()));
        }
        taken
    }

    #[tokio::test]
    async fn samples_of_any_number_become_frames_and_the_last_is_filled_up() {
        let (pusher, source) = PushedSource::new(StreamFormat::pcm(16_000).unwrap());
        let samples: Vec<u8> = (0..700_u32).map(|byte| byte as u8).collect();
        for part in samples.chunks(222) {
            pusher.push(part).unwrap();
        }
        assert_eq!(pusher.push(&[0; 3]), Err(PushedError::Samples(3)));
        drop(pusher);
        let frames: Vec<Vec<u8>> = all(source).await.into_iter().map(|(_, frame)| frame).collect();
        assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), [320, 320, 320]);
        let together = frames.concat();
        assert_eq!(together[..700], samples);
        assert!(together[700..].iter().all(|byte| *byte == 0));
    }

    #[tokio::test]
    async fn codec_frames_pass_one_by_one_and_others_are_refused() {
        let (pusher, source) = PushedSource::new(StreamFormat::lc3(16_000, 20).unwrap());
        pusher.push(&[7; 20]).unwrap();
        assert_eq!(pusher.push(&[7; 40]), Err(PushedError::FrameSize(40)));
        drop(pusher);
        let taken = all(source).await;
        assert!(matches!(&taken[..], [(Captured::Frame { .. }, frame)] if frame[..] == [7; 20]));
    }

    #[tokio::test]
    async fn what_nobody_takes_for_90_seconds_is_a_gap_and_the_newest_stays() {
        let (pusher, source) = PushedSource::new(StreamFormat::pcm(8_000).unwrap());
        for _ in 0..100 {
            pusher.push(&[0; 16_000]).unwrap();
        }
        drop(pusher);
        let taken = all(source).await;
        assert_eq!(taken[0].0, Captured::Gap { frames: 1_000, cause: GapCause::Overflow });
        assert_eq!(taken.len(), 9_001);
    }

    #[test]
    fn a_pause_and_a_hole_are_gaps_and_a_late_push_is_none() {
        let format = StreamFormat::pcm(16_000).unwrap();
        let (pusher, _source) = PushedSource::new(format);
        let hole = |paused: bool, ms: u64| {
            let mut shared = lock(&pusher.shared);
            shared.waiting.clear();
            let last = Instant::now();
            (shared.last_push, shared.paused) = (Some(last), paused);
            let now = last + Duration::from_millis(ms);
            pusher.note_hole(&mut shared, now, format.frame_duration());
            match shared.waiting.pop_front() {
                Some(Piece::Gap { frames, cause: GapCause::Absent }) => frames,
                Some(piece) => panic!("{piece:?}"),
                None => 0,
            }
        };
        assert_eq!(hole(false, 500), 0);
        assert_eq!(hole(true, 510), 50);
        assert_eq!(hole(false, 5_010), 500);
    }

    #[test]
    fn a_source_that_was_let_go_of_says_so() {
        let (pusher, source) = PushedSource::new(StreamFormat::pcm(16_000).unwrap());
        drop(source);
        assert_eq!(pusher.push(&[0; 320]), Err(PushedError::Gone));
    }
}

//! A captured frame costs no allocation. Alone in its program: the allocator counts for everyone.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use glasslink_audio::journal::disk::OsDisk;
use glasslink_audio::journal::log::{LogLimits, Syncer};
use glasslink_audio::journal::{JournalStore, Recorder, SessionInfo, StreamInfo};
use glasslink_audio::{Lc3Source, LevelMeter, Pace, Resampled, SampleSource, Source};
use glasslink_protocol::{SessionId, StreamId};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "an allocator cannot be written without; it only counts and passes on")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn capture() -> Lc3Source<Resampled<SampleSource>> {
    let samples = common::sine(440.0, 48_000, 48_000 * 14);
    let microphone = SampleSource::new(samples, 48_000, Pace::UNPACED).unwrap();
    Lc3Source::new(Resampled::new(microphone, 16_000).unwrap(), 20).unwrap()
}

/// Allocations that `frames` frames take, after a warm-up.
fn allocations(mut source: impl Source, frames: usize) -> usize {
    let mut meter = LevelMeter::new(16_000, Duration::from_millis(50));
    let mut cx = Context::from_waker(Waker::noop());
    let mut frame = Vec::new();
    let mut yield_frames = |count: usize| {
        for _ in 0..count {
            assert!(matches!(source.poll_next(&mut cx, &mut frame), Poll::Ready(Ok(Some(_)))));
            meter.update(&[1000; 160]);
        }
    };
    yield_frames(100);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    yield_frames(frames);
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// One test, because two would count each other's.
#[test]
fn a_captured_frame_allocates_nothing_after_warm_up_nor_does_recording_it() {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 1, "the count counts");

    assert_eq!(allocations(Box::new(capture()) as Box<dyn Source>, 1_000), 0);

    let folder = tempfile::TempDir::new().unwrap();
    let store =
        JournalStore::on(Arc::new(OsDisk), folder.path(), Arc::new(Syncer::manual()), LogLimits::default());
    let session = SessionInfo { session: SessionId(1), continues: None, program: String::new() };
    let journal = store.create(&session, Instant::now()).unwrap();
    let source = capture();
    let stream = StreamInfo { format: source.format(), continues: None, label: String::new() };
    let recorder = Recorder::new(source, journal, StreamId(1), &stream, 0).unwrap();
    // A clock mark, and an index that grows by a place every 300 frames.
    let of_recording = allocations(recorder, 1_000);
    assert!(of_recording < 10, "{of_recording} in 1,000 frames");
}

//! A captured frame costs no allocation. Alone in its program: the allocator counts for everyone.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use glasslink_audio::{Lc3Source, LevelMeter, Pace, Resampled, SampleSource, Source};

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

#[test]
fn the_capture_path_allocates_nothing_after_warm_up() {
    let samples = common::sine(440.0, 48_000, 48_000 * 4);
    let microphone = SampleSource::new(samples, 48_000, Pace::UNPACED).unwrap();
    let mut source: Box<dyn Source> =
        Box::new(Lc3Source::new(Resampled::new(microphone, 16_000).unwrap(), 20).unwrap());
    let mut meter = LevelMeter::new(16_000, std::time::Duration::from_millis(50));
    let mut cx = Context::from_waker(Waker::noop());
    let mut frame = Vec::new();
    let mut yield_frames = |count: usize| {
        for _ in 0..count {
            assert!(matches!(source.poll_next(&mut cx, &mut frame), Poll::Ready(Ok(Some(_)))));
            meter.update(&[1000; 160]);
        }
    };
    yield_frames(50);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    yield_frames(300);
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    // The count counts.
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 1);
}

//! A pushed frame costs no allocation. Alone in its program: the allocator counts for everyone.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use glasslink::{ClientConfig, Link, LinkState, StreamFormat, StreamOptions};
use glasslink_relay::Relay;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

#[allow(unsafe_code, reason = "an allocator cannot be written without; it only counts and passes on")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// On the thread that pushes, as a microphone's callback does; the link's task has a thread of its own.
#[test]
fn a_pushed_frame_allocates_nothing_once_the_buffer_has_its_size() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let relay = runtime.block_on(Relay::builder().start()).unwrap();
    let _entered = runtime.enter();
    let config = ClientConfig { catch_up_rate: None, ..ClientConfig::default() };
    let (link, _events) = Link::builder(relay.url()).config(config).connect().unwrap();
    runtime.block_on(link.wait_live(None)).unwrap();
    let stream = link.open(StreamFormat::lc3(16_000, 20).unwrap(), StreamOptions::default()).unwrap();
    let mut stats = link.watch_stats();
    let push = |frames: u64| {
        let before = ALLOCATIONS.get();
        for _ in 0..frames {
            stream.push(&[0x5A; 20]).unwrap();
        }
        ALLOCATIONS.get() - before
    };
    assert!(push(3_000) > 0, "the buffer grows, and the counter counts");
    for round in 1..=5u64 {
        runtime.block_on(stats.wait_for(|stats| stats.acknowledged == 3_000 * round)).unwrap();
        // Clock marks of every 10 s are among them.
        assert_eq!(push(3_000), 0);
    }
    assert_eq!(link.state(), LinkState::Live);
}

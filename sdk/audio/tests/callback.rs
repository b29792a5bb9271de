//! What the sound system's thread runs costs no allocation. Alone in its program: the allocator counts for everyone.

#![allow(unsafe_code, reason = "an allocator cannot be written without; it only counts and passes on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use glasslink_audio::microphone::{
    CaptureSink, DeviceCause, DeviceChoice, DeviceId, ErrorSink, HostError, InputDevice, InputHost,
    InputKind, Microphone, NativeFormat, OpenDevice,
};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Hands out what a callback is given.
struct OneDevice(Sender<(CaptureSink, ErrorSink)>);

struct Opened;

impl OpenDevice for Opened {}

impl InputHost for OneDevice {
    fn devices(&mut self) -> Result<Vec<InputDevice>, HostError> {
        let id = DeviceId::new("desk");
        Ok(vec![InputDevice { id, name: "Desk".into(), kind: InputKind::Microphone, is_default: true }])
    }

    fn native_format(&mut self, _: &DeviceId) -> Result<NativeFormat, HostError> {
        Ok(NativeFormat { sample_rate: 48_000, channels: 2 })
    }

    fn open(
        &mut self,
        _: &DeviceId,
        mut sink: CaptureSink,
        errors: ErrorSink,
    ) -> Result<Box<dyn OpenDevice>, HostError> {
        sink.write(&[0.1_f32; 1_920], Instant::now());
        self.0.send((sink, errors)).unwrap();
        Ok(Box::new(Opened))
    }
}

/// One test, because two would count each other's.
#[test]
fn a_callback_allocates_and_frees_nothing_even_when_nobody_takes_its_audio() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (given, taken) = channel();
    let open =
        Microphone::open_on(move || Box::new(OneDevice(given.clone())), DeviceChoice::default(), 16_000);
    let microphone = runtime.block_on(open).unwrap();
    let (mut sink, errors) = taken.recv().unwrap();

    let (floats, words) = ([0.25_f32; 1_920], [1_000_i16; 1_920]);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 2, "the count counts");

    let before = ALLOCATIONS.load(Ordering::Relaxed);
    // 20 s: the ring holds 5.
    for _ in 0..500 {
        sink.write(&floats, Instant::now());
        sink.write(&words, Instant::now());
    }
    errors.failed(DeviceCause::Unplugged);
    errors.failed(DeviceCause::Unplugged);
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    drop(microphone);
}

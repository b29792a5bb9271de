//! A sound system that does as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use glasslink_protocol::GapCause;

use crate::microphone::port::{Desk, Port, Reply, Request};
use crate::microphone::{
    CaptureSink, DeviceCause, DeviceChoice, DeviceId, ErrorSink, HostError, InputDevice, InputHost,
    InputKind, Microphone, MicrophoneState, NativeFormat, OpenDevice,
};
use crate::{Captured, Source};

/// What an open device delivers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Signal {
    Tone,
    Zeros,
    /// No callback at all.
    Nothing,
}

/// A device as it is set up.
#[derive(Clone, Debug)]
pub(super) struct FakeDevice {
    pub(super) device: InputDevice,
    pub(super) format: NativeFormat,
    pub(super) signal: Signal,
    pub(super) refuses: Option<DeviceCause>,
    pub(super) hangs: bool,
}

#[derive(Default)]
struct World {
    devices: Vec<FakeDevice>,
    is_down: bool,
    list_hangs: bool,
    open: BTreeMap<u64, Open>,
    next: u64,
    opened: Vec<String>,
}

struct Open {
    id: String,
    sink: CaptureSink,
    errors: ErrorSink,
    delivered: u64,
    signal: Option<Signal>,
    speed: f64,
    owed: f64,
}

#[derive(Clone, Default)]
pub(super) struct FakeSystem {
    world: Arc<Mutex<World>>,
}

struct FakeHost(FakeSystem);

struct FakeStream {
    system: FakeSystem,
    number: u64,
}

/// Takes requests at once, on the caller's thread; what hangs is never answered.
pub(super) struct InlinePort {
    system: FakeSystem,
    desk: Desk,
    replies: VecDeque<Reply>,
    hangs: bool,
}

pub(super) fn device(id: &str, kind: InputKind) -> FakeDevice {
    let name = format!("The {id}");
    FakeDevice {
        device: InputDevice { id: DeviceId::new(id), name, kind, is_default: false },
        format: NativeFormat { sample_rate: 16_000, channels: 1 },
        signal: Signal::Tone,
        refuses: None,
        hangs: false,
    }
}

pub(super) fn microphone(id: &str) -> FakeDevice {
    device(id, InputKind::Microphone)
}

impl FakeDevice {
    pub(super) fn by_default(mut self) -> Self {
        self.device.is_default = true;
        self
    }

    pub(super) fn format(mut self, sample_rate: u32, channels: u16) -> Self {
        self.format = NativeFormat { sample_rate, channels };
        self
    }
}

impl FakeSystem {
    pub(super) fn with(devices: impl IntoIterator<Item = FakeDevice>) -> Self {
        let system = Self::default();
        system.world().devices.extend(devices);
        system
    }

    pub(super) fn plug(&self, device: FakeDevice) {
        self.world().devices.push(device);
    }

    /// The device is gone, and says so as often as `errors`.
    pub(super) fn unplug(&self, id: &str, cause: DeviceCause, errors: usize) {
        let mut world = self.world();
        world.devices.retain(|device| device.device.id.as_str() != id);
        for open in world.open.values_mut().filter(|open| open.id == id) {
            open.signal = Some(Signal::Nothing);
            for _ in 0..errors {
                open.errors.failed(cause);
            }
        }
    }

    /// The device is gone, and what is open carries on, with `signal`.
    pub(super) fn unplug_silently(&self, id: &str, signal: Signal) {
        let mut world = self.world();
        world.devices.retain(|device| device.device.id.as_str() != id);
        for open in world.open.values_mut().filter(|open| open.id == id) {
            open.signal = Some(signal);
        }
    }

    pub(super) fn kill_server(&self) {
        let mut world = self.world();
        world.is_down = true;
        for open in world.open.values_mut() {
            open.signal = Some(Signal::Nothing);
            open.errors.failed(DeviceCause::NoServer);
        }
    }

    pub(super) fn start_server(&self) {
        self.world().is_down = false;
    }

    pub(super) fn hang_lists(&self) {
        self.world().list_hangs = true;
    }

    pub(super) fn change(&self, id: &str, change: impl Fn(&mut FakeDevice)) {
        let mut world = self.world();
        world.devices.iter_mut().filter(|device| device.device.id.as_str() == id).for_each(change);
    }

    /// Every open device runs so much faster than our clock.
    pub(super) fn set_speed(&self, speed: f64) {
        self.world().open.values_mut().for_each(|open| open.speed = speed);
    }

    /// What was opened, in order.
    pub(super) fn opened(&self) -> Vec<String> {
        self.world().opened.clone()
    }

    /// What is open now.
    pub(super) fn open(&self) -> Vec<String> {
        self.world().open.values().map(|open| open.id.clone()).collect()
    }

    /// Every open device delivers what it heard in `lasting`.
    pub(super) fn deliver(&self, lasting: Duration, now: Instant) {
        let mut world = self.world();
        let World { devices, open, .. } = &mut *world;
        for open in open.values_mut() {
            let known = devices.iter().find(|device| device.device.id.as_str() == open.id);
            let signal = open.signal.or(known.map(|device| device.signal)).unwrap_or(Signal::Nothing);
            let NativeFormat { sample_rate, channels } = open.sink.format();
            open.owed += lasting.as_secs_f64() * f64::from(sample_rate) * open.speed;
            let len = open.owed as u64;
            open.owed -= len as f64;
            let sample = |n: u64| {
                let phase = n as f64 * 440.0 / f64::from(sample_rate) * std::f64::consts::TAU;
                if signal == Signal::Tone { (phase.sin() * 0.5) as f32 } else { 0.0 }
            };
            let channels = u64::from(channels);
            let interleaved: Vec<f32> = (open.delivered * channels..(open.delivered + len) * channels)
                .map(|n| sample(n / channels))
                .collect();
            open.delivered += len;
            if signal != Signal::Nothing {
                open.sink.write(&interleaved, now);
            }
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

impl InputHost for FakeHost {
    fn devices(&mut self) -> Result<Vec<InputDevice>, HostError> {
        let world = self.0.world();
        if world.is_down {
            return Err(HostError { cause: DeviceCause::NoServer, message: "connection refused".into() });
        }
        Ok(world.devices.iter().map(|device| device.device.clone()).collect())
    }

    fn native_format(&mut self, device: &DeviceId) -> Result<NativeFormat, HostError> {
        let world = self.0.world();
        let known = world.devices.iter().find(|known| known.device.id == *device);
        let gone = HostError { cause: DeviceCause::Unplugged, message: "no such entity".into() };
        let known = known.filter(|_| !world.is_down).ok_or(gone)?;
        match known.refuses {
            Some(cause) => Err(HostError { cause, message: "it was told to".into() }),
            None => Ok(known.format),
        }
    }

    fn open(
        &mut self,
        device: &DeviceId,
        sink: CaptureSink,
        errors: ErrorSink,
    ) -> Result<Box<dyn OpenDevice>, HostError> {
        let mut world = self.0.world();
        let number = world.next;
        world.next += 1;
        let id = device.to_string();
        world.opened.push(id.clone());
        let open = Open { id, sink, errors, delivered: 0, signal: None, speed: 1.0, owed: 0.0 };
        world.open.insert(number, open);
        Ok(Box::new(FakeStream { system: self.0.clone(), number }))
    }
}

impl OpenDevice for FakeStream {}

impl Drop for FakeStream {
    fn drop(&mut self) {
        self.system.world().open.remove(&self.number);
    }
}

impl Port for InlinePort {
    fn request(&mut self, request: Request) {
        let hangs = {
            let world = self.system.world();
            match &request {
                Request::List => world.list_hangs,
                Request::Open(id) => {
                    world.devices.iter().any(|device| device.hangs && device.device.id == *id)
                }
                Request::Close => false,
            }
        };
        self.hangs |= hangs;
        if !self.hangs {
            self.replies.extend(self.desk.take(request));
        }
    }

    fn reply(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }

    fn abandon(&mut self) {
        *self = Self::new(self.system.clone());
    }
}

impl InlinePort {
    fn new(system: FakeSystem) -> Self {
        let desk = Desk::new(Box::new(FakeHost(system.clone())));
        Self { system, desk, replies: VecDeque::new(), hangs: false }
    }
}

/// A microphone on a fake system, and what it yielded.
pub(super) struct Rig {
    pub(super) system: FakeSystem,
    pub(super) microphone: Microphone,
    pub(super) frames: u64,
    pub(super) gaps: Vec<(u64, GapCause)>,
    pub(super) samples: Vec<i16>,
    pub(super) states: Vec<MicrophoneState>,
    pub(super) ended: bool,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// What devices deliver at once.
pub(super) const CHUNK: Duration = Duration::from_millis(20);

impl Rig {
    pub(super) fn new(system: &FakeSystem, choice: DeviceChoice) -> Self {
        Self::at(system, choice, 16_000)
    }

    pub(super) fn at(system: &FakeSystem, choice: DeviceChoice, sample_rate: u32) -> Self {
        let port = Box::new(InlinePort::new(system.clone()));
        let microphone = Microphone::on(port, choice, sample_rate).unwrap();
        Self {
            system: system.clone(),
            microphone,
            frames: 0,
            gaps: Vec::new(),
            samples: Vec::new(),
            states: Vec::new(),
            ended: false,
            first: None,
            last: None,
        }
    }

    /// Lets time pass, and takes what comes.
    pub(super) async fn run(&mut self, lasting: Duration) {
        let end = tokio::time::Instant::now() + lasting;
        while tokio::time::Instant::now() < end {
            pass(&self.system, CHUNK).await;
            self.take();
        }
    }

    pub(super) fn take(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let mut frame = Vec::new();
        // Each poll looks once; the second one sees what the first has asked for.
        for _ in 0..2 {
            while let Poll::Ready(captured) = self.microphone.poll_next(&mut cx, &mut frame) {
                match captured.unwrap() {
                    Some(Captured::Frame { captured_at }) => {
                        self.first.get_or_insert(captured_at);
                        self.last = Some(captured_at);
                        self.frames += 1;
                        let samples = frame.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes));
                        self.samples.extend(samples);
                    }
                    Some(Captured::Gap { frames, cause }) => self.gaps.push((frames, cause)),
                    None => {
                        self.ended = true;
                        break;
                    }
                }
            }
        }
        let state = self.microphone.control().state();
        if self.states.last() != Some(&state) {
            self.states.push(state);
        }
    }

    pub(super) fn state(&self) -> MicrophoneState {
        self.microphone.control().state()
    }

    pub(super) fn gap_frames(&self) -> u64 {
        self.gaps.iter().map(|(frames, _)| frames).sum()
    }

    /// Frames and gaps since the first frame are the time from it to the last one's end, within one frame.
    pub(super) fn assert_time(&self) {
        let elapsed = self.last.unwrap() - self.first.unwrap() + Duration::from_millis(10);
        let counted = Duration::from_millis((self.frames + self.gap_frames()) * 10);
        let off = counted.abs_diff(elapsed);
        assert!(off <= Duration::from_millis(10), "{counted:?} counted, {elapsed:?} passed");
    }
}

pub(super) async fn pass(system: &FakeSystem, lasting: Duration) {
    tokio::time::advance(lasting).await;
    system.deliver(lasting, tokio::time::Instant::now().into_std());
}

pub(super) fn chosen(id: &str) -> DeviceChoice {
    DeviceChoice::Device(DeviceId::new(id))
}

pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(super) fn is_from(state: &MicrophoneState, id: &str, is_instead: bool) -> bool {
    matches!(state, MicrophoneState::Capturing { device, instead }
        if device.id.as_str() == id && *instead == is_instead)
}

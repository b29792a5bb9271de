//! What recording from a microphone costs: `cargo bench -p glasslink-audio --features microphone --bench recording`.
//!
//! Prints one line a figure. The microphone is one of a sound server of its own, which plays into it. CPU time is that
//! of all threads of this process (from `/proc`), without the server.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/rig/mod.rs"]
mod rig;

use std::fmt::Display;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use glasslink_audio::journal::{JournalStore, Recorder, SessionInfo, StreamInfo};
use glasslink_audio::microphone::{
    CaptureSink, DeviceChoice, DeviceId, ErrorSink, HostError, InputDevice, InputHost, InputKind, Microphone,
    NativeFormat, OpenDevice,
};
use glasslink_audio::{Captured, Lc3Source, Resampled, Source, SourceExt};
use glasslink_protocol::{SessionId, StreamId};
use tempfile::TempDir;

fn main() {
    if std::env::var_os("GLASSLINK_SOUND_RIG").is_none() {
        callbacks();
    }
    let seconds = if std::env::args().any(|arg| arg == "--test") { 2 } else { 20 };
    rig::run("recording", |dir| async move {
        let _server = rig::Server::start(&dir);
        let _plug = rig::plug("desk");
        rig::set_default("desk");
        let _playing = rig::play(&vec![5_000; 48_000 * 180]);
        Box::pin(opening()).await;
        Box::pin(capturing(seconds)).await;
    });
}

async fn opening() {
    let (mut to_sample, mut to_frame) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let start = Instant::now();
        let mut microphone = Microphone::open(DeviceChoice::default(), 48_000).await.unwrap();
        let captured = microphone.next(&mut Vec::new()).await.unwrap();
        to_frame.push(start.elapsed());
        let Some(Captured::Frame { captured_at }) = captured else { panic!("{captured:?}") };
        to_sample.push(captured_at.saturating_duration_since(start));
    }
    say("from the hot key to the first sample, median of 20", millis(&mut to_sample, 0.5));
    say("  and the longest", millis(&mut to_sample, 1.0));
    say("  to the first frame in hand, median", millis(&mut to_frame, 0.5));
}

async fn capturing(seconds: u64) {
    let folder = TempDir::new().unwrap();
    let store = JournalStore::open(folder.path()).unwrap();
    let session = SessionInfo { session: SessionId(1), continues: None, program: "bench".into() };
    let journal = store.create(&session, Instant::now()).unwrap();
    let microphone = Microphone::open(DeviceChoice::default(), 48_000).await.unwrap();
    let control = microphone.control();
    let source = Lc3Source::new(Resampled::new(microphone, 16_000).unwrap(), 20).unwrap();
    let info = StreamInfo { format: source.format(), continues: None, label: "Desk".into() };
    let recorder = Recorder::new(source, journal.clone(), StreamId(1), &info, 0).unwrap();
    let cpu = cpu_time();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        control.stop();
    };
    let ((frames, result), ()) = tokio::join!(async { recorder.run(&mut ()).await }, stop);
    let cpu = cpu_time().saturating_sub(cpu);
    result.unwrap();
    let share = 100.0 * cpu.as_secs_f64() / seconds as f64;
    say(
        "capture at 48 kHz, resampled, LC3, in the journal (goal: 2 %)",
        format!("{share:.2} % of a core, {frames} frames in {seconds} s"),
    );
}

/// How long the sound system's thread is held up, at 40 ms of stereo at 48 kHz.
fn callbacks() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (given, taken) = channel();
    let open =
        Microphone::open_on(move || Box::new(OneDevice(given.clone())), DeviceChoice::default(), 48_000);
    let mut microphone = runtime.block_on(open).unwrap();
    let (mut sink, _errors) = taken.recv().unwrap();
    let samples = [0.25_f32; 3_840];
    let mut took = Vec::with_capacity(100_000);
    for n in 0..100_000 {
        let start = Instant::now();
        sink.write(&samples, start);
        took.push(start.elapsed());
        if n % 100 == 99 {
            runtime.block_on(async {
                let mut frame = Vec::new();
                let mut cx = Context::from_waker(Waker::noop());
                tokio::time::sleep(Duration::from_millis(11)).await;
                while let Poll::Ready(Ok(Some(_))) = microphone.poll_next(&mut cx, &mut frame) {}
            });
        }
    }
    for (what, part) in [("median", 0.5), ("p99.9", 0.999), ("longest", 1.0)] {
        say(&format!("callback of 40 ms, {what} of 100,000"), micros(&mut took, part));
    }
}

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

fn at(took: &mut [Duration], part: f64) -> Duration {
    took.sort_unstable();
    took[((took.len() - 1) as f64 * part) as usize]
}

fn millis(took: &mut [Duration], part: f64) -> String {
    format!("{:.1} ms", at(took, part).as_secs_f64() * 1e3)
}

fn micros(took: &mut [Duration], part: f64) -> String {
    format!("{:.1} us", at(took, part).as_secs_f64() * 1e6)
}

fn cpu_time() -> Duration {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let nanos = tasks.flatten().filter_map(|task| {
        let schedule = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        schedule.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

fn say(what: &str, figure: impl Display) {
    println!("{what}: {figure}");
}

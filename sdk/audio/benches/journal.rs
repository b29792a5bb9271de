//! What the journal costs: `cargo bench -p glasslink-audio --bench journal`.
//!
//! Prints one line a figure. CPU time is that of all threads (from `/proc`; wall time elsewhere); the disk is the one
//! that the temporary folder is on, its cache warm.

use std::fmt::Display;
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use glasslink_audio::journal::disk::OsDisk;
use glasslink_audio::journal::log::{LogLimits, Syncer};
use glasslink_audio::journal::{
    Found, Journal, JournalStore, PcmTee, Piece, Recorder, Recording, SessionInfo, StreamInfo,
};
use glasslink_audio::{Lc3Source, Pace, Resampled, SampleSource, Source, clock_mark};
use glasslink_protocol::{FrameIndex, SessionId, StreamFormat, StreamId};
use tempfile::TempDir;

const STREAM: StreamId = StreamId(1);
const EIGHT_HOURS: u64 = 8 * 60 * 60 * 100;

fn main() {
    let quick = std::env::args().any(|arg| arg == "--test");
    let frames = if quick { 60_000 } else { EIGHT_HOURS };
    for batch in [1, 5] {
        let rig = Rig::new();
        let journal = rig.journal();
        let cpu = Cpu::start();
        record(&journal, frames, batch);
        let (cpu, wall) = cpu.stop();
        // A kill, not an end: the last segment has no footer.
        std::mem::forget(journal);
        let size = rig.size();
        let hours = frames as f64 / 360_000.0;
        say(&format!("recording of {hours:.1} h, {batch} frames a record"), format!("{} MiB", size >> 20));
        say("  frames written per CPU second", format!("{:.2} M", per_second(frames, cpu)));
        say("  frames written per second", format!("{:.2} M", per_second(frames, wall)));
        say("  write amplification", format!("{:.2}", size as f64 / (frames * 20) as f64));

        let cpu = Cpu::start();
        let recording = rig.recovered();
        let streams = recording.streams().unwrap();
        let gaps = recording.gaps(STREAM).unwrap();
        let marks = recording.clock_marks().unwrap();
        let (cpu, wall) = cpu.stop();
        assert_eq!((streams[0].next.0, gaps.len(), marks.len() as u64), (frames, 0, frames / 1000));
        say(
            "  recovery: found, with its gaps and marks (goal: 2000 ms)",
            format!("{} ms, {} ms CPU", wall.as_millis(), cpu.as_millis()),
        );

        let cpu = Cpu::start();
        let mut read = 0;
        let take = |piece: Piece<'_>| {
            if let Piece::Frame { frame, .. } = black_box(piece) {
                read += frame.len() as u64 / 20;
            }
        };
        recording.frames(STREAM, FrameIndex(0)..FrameIndex(frames), take).unwrap();
        let (cpu, _) = cpu.stop();
        assert_eq!(read, frames);
        say("  frames recovered per CPU second", format!("{:.2} M", per_second(frames, cpu)));
    }
    let seconds = if quick { 5 } else { 60 };
    let none = capture(seconds, false, false);
    let frames = capture(seconds, true, false);
    let full = capture(seconds, true, true);
    let share = |cpu: Duration| format!("{:.2} % of a core", 100.0 * cpu.as_secs_f64() / seconds as f64);
    say("capture 48 kHz, resample, LC3", share(none));
    say("  with the journal (goal: 2 %)", share(frames));
    say("  and the 48 kHz audio beside it", share(full));
}

struct Rig {
    folder: TempDir,
    store: JournalStore,
}

impl Rig {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let syncer = Arc::new(Syncer::start().unwrap());
        let store = JournalStore::on(Arc::new(OsDisk), folder.path(), syncer, LogLimits::default());
        Self { folder, store }
    }

    fn journal(&self) -> Journal {
        let info = SessionInfo { session: SessionId(1), continues: None, program: "bench".into() };
        let journal = self.store.create(&info, Instant::now()).unwrap();
        let _ = journal.open_stream(STREAM, &stream_info(), Instant::now()).unwrap();
        journal
    }

    fn size(&self) -> u64 {
        let dir = self.folder.path().join(SessionId(1).to_string());
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    }

    /// As after a kill: on a copy, whose lock nobody holds.
    fn recovered(&self) -> Recording {
        std::fs::remove_file(self.folder.path().join(SessionId(1).to_string()).join("lock")).unwrap();
        let Some(Found::Recording(recording)) = self.store.recordings().unwrap().pop() else { panic!() };
        recording
    }
}

fn stream_info() -> StreamInfo {
    StreamInfo { format: StreamFormat::lc3(16_000, 20).unwrap(), continues: None, label: String::new() }
}

/// Frames as a microphone's, a clock mark every 10 s, a `kept` every half second.
fn record(journal: &Journal, frames: u64, batch: u64) {
    let now = Instant::now();
    let frame = [0x5a_u8; 20];
    let many = vec![&frame[..]; batch as usize];
    for first in (0..frames).step_by(batch as usize) {
        let _ = journal.append(STREAM, FrameIndex(first), &many, now).unwrap();
        if first % 1000 == 0 {
            let _ = journal.clock(&clock_mark(STREAM, FrameIndex(first), now, 0), now).unwrap();
        }
        if first % 50 == 0 {
            let _ = journal.kept(STREAM, FrameIndex(first), now).unwrap();
        }
    }
}

/// CPU time of capturing `seconds` of audio.
fn capture(seconds: u32, journal: bool, pcm: bool) -> Duration {
    let rig = Rig::new();
    let samples: Vec<i16> =
        (0..48_000 * seconds).map(|n| ((n * n / 7919) % 20_000) as i16 - 10_000).collect();
    let microphone = SampleSource::new(samples, 48_000, Pace::UNPACED).unwrap();
    let written = rig.journal();
    let mut source: Box<dyn Source> = Box::new(microphone);
    if pcm {
        source = Box::new(PcmTee::new(source, written.clone(), STREAM));
    }
    source = Box::new(Lc3Source::new(Resampled::new(source, 16_000).unwrap(), 20).unwrap());
    if journal {
        source = Box::new(Recorder::new(source, written, STREAM, &stream_info(), 0).unwrap());
    }
    let mut cx = Context::from_waker(Waker::noop());
    let (mut frame, mut frames) = (Vec::new(), 0);
    let cpu = Cpu::start();
    while let Poll::Ready(Some(_)) = source.poll_next(&mut cx, &mut frame).map(Result::unwrap) {
        frames += 1;
    }
    assert_eq!(frames, seconds * 100);
    cpu.stop().0
}

struct Cpu {
    cpu: Duration,
    wall: Instant,
}

impl Cpu {
    fn start() -> Self {
        Self { cpu: cpu_time(), wall: Instant::now() }
    }

    /// CPU time and wall time since the start.
    fn stop(self) -> (Duration, Duration) {
        let wall = self.wall.elapsed();
        let cpu = cpu_time().saturating_sub(self.cpu);
        (if cpu.is_zero() { wall } else { cpu }, wall)
    }
}

fn cpu_time() -> Duration {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let nanos = tasks.flatten().filter_map(|task| {
        let schedule = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        schedule.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

fn per_second(frames: u64, time: Duration) -> f64 {
    frames as f64 / time.as_secs_f64() / 1e6
}

fn say(what: &str, figure: impl Display) {
    println!("{what}: {figure}");
}

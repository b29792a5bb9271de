//! A recording of a working day: what it costs to make, to find and to play.
//!
//! `cargo bench -p glasslink-library --bench library` prints a figure a line. As a test it records half an hour and
//! asserts what holds on a busy machine; with `GLASSLINK_NIGHTLY=1`, 8 hours and the promised times.

use std::fmt::Display;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use glasslink_audio::journal::{FrameSink, Journal, Recorder, Stored, StreamInfo};
use glasslink_audio::{Captured, Lc3Source, Pace, SampleSource, Source, SourceError};
use glasslink_library::{Library, RecordingState};
use glasslink_protocol::{
    ClockMark, Epoch, EventNumber, Final, FrameIndex, Gap, SessionId, StreamFormat, StreamId,
    TranscriptEvent, Word,
};

const STREAM: StreamId = StreamId(1);
const FRAMES_A_SECOND: u64 = 100;
const MOST_MEMORY: u64 = 60 << 20;
/// The index of the journal and what the allocator keeps; a leak of a byte a frame would be 3 MB.
const MOST_GROWTH: u64 = 6 << 20;
const OPENED_IN: Duration = Duration::from_millis(200);
const PLAYS_IN: Duration = Duration::from_millis(100);

fn main() {
    let nightly = std::env::var_os("GLASSLINK_NIGHTLY").is_some();
    let bench = std::env::args().any(|argument| argument == "--bench");
    let minutes = if nightly || bench { 8 * 60 } else { 30 };
    // Under the load of a CI machine a wall time may be many times what it is.
    let patience = if nightly { 1 } else { 20 };
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    let (id, frames) = record(&library, minutes);
    open_and_search(folder.path(), library, id, frames, patience);
}

fn record(library: &Library, minutes: u64) -> (SessionId, u64) {
    let frames = minutes * 60 * FRAMES_A_SECOND;
    let journal = library.begin("bench 1.0").unwrap();
    let id = journal.recording().session();
    let source = Day::new(frames);
    let info = StreamInfo { format: source.format, continues: None, label: "Microphone".into() };
    let recorder = Recorder::new(source, journal.clone(), STREAM, &info, 0).unwrap();
    let mut relay = Relay { journal: journal.clone(), event: 0, memory: Vec::new(), every: frames / 20 };
    let began = Instant::now();
    let ended = {
        let run = std::pin::pin!(recorder.run(&mut relay));
        run.poll(&mut Context::from_waker(Waker::noop()))
    };
    let Poll::Ready((end, result)) = ended else { panic!("frames that are there are not waited for") };
    result.unwrap();
    let took = began.elapsed();
    assert_eq!(end.0, frames);
    let _ = journal.transcribed(STREAM, end, Instant::now()).unwrap();
    let _ = journal.finished(Instant::now()).unwrap();
    drop(journal);
    let speed = minutes as f64 * 60.0 / took.as_secs_f64();
    say(
        &format!("recording of {:.1} h made at", minutes as f64 / 60.0),
        format!("{speed:.0} times real time"),
    );
    if let Some(most) = relay.memory.iter().max() {
        let early = relay.memory[relay.memory.len() / 4];
        let growth = most.saturating_sub(early);
        say("  memory while recording (goal: 60 MB)", format!("{} MB at most", most / 1_000_000));
        say("  growth after the first quarter", format!("{:.1} MB", growth as f64 / 1e6));
        assert!(*most < MOST_MEMORY, "{most} bytes");
        assert!(growth < MOST_GROWTH, "memory is flat: {:?}", relay.memory);
    }
    (id, frames)
}

fn open_and_search(root: &std::path::Path, library: Library, id: SessionId, frames: u64, patience: u32) {
    let began = Instant::now();
    assert_eq!(library.refresh().unwrap().changed, 1);
    say("  indexed once, when it ended", millis(began.elapsed()));
    drop(library);

    let began = Instant::now();
    let library = Library::open(root).unwrap();
    let summary = library.recording(id).unwrap();
    let audio = library.audio(id).unwrap();
    let opened = began.elapsed();
    let found = library.search("needle", None, 0, 20).unwrap();
    let searched = began.elapsed();
    assert_eq!((summary.state, found.total), (RecordingState::Ended, 1));
    assert_eq!(audio.duration(), Duration::from_millis(frames * 10));
    assert!(summary.untranscribed.is_zero());
    say(
        "  opened and searched (goal: 200 ms)",
        format!("{}, opened after {}", millis(searched), millis(opened)),
    );
    assert!(searched < OPENED_IN * patience, "{searched:?}");
    drop(audio);

    let began = Instant::now();
    let passages = library.passages(id).unwrap();
    assert_eq!(passages.len() as u64, frames / FRAMES_A_SECOND / 5);
    say("  its whole transcript", millis(began.elapsed()));

    let began = Instant::now();
    let mut audio = library.audio(id).unwrap();
    say("  opened to be played", millis(began.elapsed()));
    let seconds = frames / FRAMES_A_SECOND;
    let mut times: Vec<Duration> = (0..200_u64)
        .map(|place| {
            let second = place * 7_919 % seconds;
            let began = Instant::now();
            let mut samples = Vec::new();
            audio.seek(Duration::from_secs(second));
            while samples.len() < 16_000 && audio.read(&mut samples).unwrap() {}
            let took = began.elapsed();
            assert_eq!(samples.len(), 16_000);
            assert!(samples.iter().any(|sample| sample.unsigned_abs() > 500), "second {second} is heard");
            took
        })
        .collect();
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    say(
        "  any second of it plays in (goal: 100 ms)",
        format!("{} median, {} at most", millis(median), millis(worst)),
    );
    assert!(worst < PLAYS_IN * patience, "{worst:?}");
    if let Some(memory) = memory() {
        say("  memory with it open", format!("{} MB", memory / 1_000_000));
        assert!(memory < MOST_MEMORY, "{memory} bytes");
    }
}

/// A day of a second that repeats, as fast as it is taken, captured as far apart as it would have been.
struct Day {
    format: StreamFormat,
    second: Vec<Vec<u8>>,
    next: u64,
    frames: u64,
    began: Instant,
}

impl Day {
    fn new(frames: u64) -> Self {
        let samples = (0..16_000).map(|n| ((f64::from(n) * 0.17).sin() * 8_000.0) as i16).collect();
        let samples = SampleSource::new(samples, 16_000, Pace::UNPACED).unwrap();
        let mut source = Lc3Source::new(samples, 20).unwrap();
        let (mut frame, mut second) = (Vec::new(), Vec::new());
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Ok(Some(_))) = source.poll_next(&mut cx, &mut frame) {
            second.push(frame.clone());
        }
        let began =
            Instant::now().checked_sub(Duration::from_millis(frames * 10)).unwrap_or_else(Instant::now);
        Self { format: source.format(), second, next: 0, frames, began }
    }
}

impl Source for Day {
    fn format(&self) -> StreamFormat {
        self.format
    }

    fn poll_next(
        &mut self,
        _: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        frame.clear();
        if self.next == self.frames {
            return Poll::Ready(Ok(None));
        }
        frame.extend_from_slice(&self.second[(self.next % FRAMES_A_SECOND) as usize]);
        let captured_at = self.began + Duration::from_millis(self.next * 10);
        self.next += 1;
        Poll::Ready(Ok(Some(Captured::Frame { captured_at })))
    }
}

/// What a relay would say: a mark every half second, a sentence every five.
struct Relay {
    journal: Journal,
    event: u64,
    memory: Vec<u64>,
    every: u64,
}

impl FrameSink for Relay {
    fn frame(&mut self, index: FrameIndex, captured_at: Instant, _: &[u8], _: Stored) {
        if index.0.is_multiple_of(50) {
            let _ = self.journal.kept(STREAM, index, captured_at);
        }
        if index.0.is_multiple_of(5 * FRAMES_A_SECOND) {
            self.event += 1;
            let event = TranscriptEvent::Final(sentence(index, self.event));
            let _ = self.journal.event(Epoch(1), EventNumber(self.event), &event, captured_at);
        }
        if index.0.is_multiple_of(self.every) {
            self.memory.extend(memory());
        }
    }

    fn gap(&mut self, _: Gap) {}

    fn clock(&mut self, _: ClockMark) {}
}

fn sentence(from: FrameIndex, number: u64) -> Final {
    let last = if number == 200 { "needle".to_owned() } else { format!("number{number}") };
    let texts = ["what", "people", "say", "in", "a", "working", "day", "is", "seldom", "long", &last];
    let word = |(place, text): (u64, &&str)| Word {
        text: (*text).into(),
        from: from + place * 40,
        to: from + (place + 1) * 40,
        estimated: false,
    };
    let words: Vec<Word> = (0..).zip(&texts).map(word).collect();
    Final { stream: STREAM, from, to: from + 440, text: texts.join(" "), words }
}

/// Bytes this process holds, where the system tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(kibibytes.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn say(what: &str, figure: impl Display) {
    println!("{what}: {figure}");
}

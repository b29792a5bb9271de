//! Several sources in one recording, paused and marked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use glasslink_audio::journal::{Journal, JournalStore, Marker, PcmTee, Recorder, SessionInfo, StreamInfo};
use glasslink_audio::{Captured, Lc3Source, Pace, SampleSource, Source, SourceError};
use glasslink_protocol::{FrameIndex, Gap, GapCause, SessionId, StreamFormat, StreamId};
use tempfile::TempDir;

const MICROPHONE: StreamId = StreamId(1);
const SYSTEM: StreamId = StreamId(2);

fn journal(folder: &TempDir) -> Journal {
    let store = JournalStore::open(folder.path()).unwrap();
    let session = SessionInfo { session: SessionId(7), continues: None, program: "test".into() };
    store.create(&session, Instant::now()).unwrap()
}

fn speech(seconds: usize) -> SampleSource {
    SampleSource::new(vec![1_000; seconds * 16_000], 16_000, Pace::REAL_TIME).unwrap()
}

fn info(source: &impl Source, label: &str) -> StreamInfo {
    StreamInfo { format: source.format(), continues: None, label: label.into() }
}

fn absent(from: u64, to: u64) -> Gap {
    let format = StreamFormat::pcm(16_000).unwrap();
    Gap::new(MICROPHONE, FrameIndex(from), FrameIndex(to), GapCause::Absent, &format)
}

#[tokio::test(start_paused = true)]
async fn a_microphone_and_system_audio_are_streams_of_one_recording_tied_by_their_clocks() {
    let folder = TempDir::new().unwrap();
    let journal = journal(&folder);
    let microphone = Lc3Source::new(speech(12), 20).unwrap();
    let (of_microphone, of_system) = (info(&microphone, "Desk"), info(&speech(1), "System audio"));
    let first = Recorder::new(microphone, journal.clone(), MICROPHONE, &of_microphone, 60).unwrap();
    let later = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let second = Recorder::new(speech(5), journal.clone(), SYSTEM, &of_system, 60).unwrap();
        second.run(&mut ()).await
    };
    let ((first_end, first), (second_end, second)) = tokio::join!(async { first.run(&mut ()).await }, later);
    first.unwrap();
    second.unwrap();
    assert_eq!((first_end, second_end), (FrameIndex(1_200), FrameIndex(500)));

    let recording = journal.recording();
    let streams = recording.streams().unwrap();
    let labels: Vec<_> = streams.iter().map(|stream| stream.info.label.as_str()).collect();
    assert_eq!(labels, ["Desk", "System audio"]);
    assert!(streams.iter().all(|stream| stream.end == Some(stream.next)));
    let marks = recording.clock_marks().unwrap();
    let start =
        |stream| marks.iter().find(|mark| mark.stream == stream && mark.index == FrameIndex(0)).unwrap();
    let apart = start(SYSTEM).monotonic_us - start(MICROPHONE).monotonic_us;
    assert!(apart.abs_diff(3_000_000) < 20_000, "the second began 3 s after the first: {apart} us");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_in_a_pause_is_nowhere_and_the_pause_is_a_gap() {
    let folder = TempDir::new().unwrap();
    let journal = journal(&folder);
    let source = PcmTee::new(speech(10), journal.clone(), MICROPHONE);
    let info = info(&source, "Desk");
    let recorder = Recorder::new(source, journal.clone(), MICROPHONE, &info, 0).unwrap();
    let control = recorder.control();
    let person = async {
        tokio::time::sleep(Duration::from_millis(2_005)).await;
        control.marker("before the pause").unwrap();
        control.pause();
        tokio::time::sleep(Duration::from_millis(4_500)).await;
        control.resume();
        tokio::time::sleep(Duration::from_secs(1)).await;
        control.marker("after it").unwrap();
    };
    let ((end, result), ()) = tokio::join!(async { recorder.run(&mut ()).await }, person);
    result.unwrap();
    assert_eq!(end, FrameIndex(1_000));

    let recording = journal.recording();
    assert_eq!(recording.gaps(MICROPHONE).unwrap(), [absent(200, 650)]);
    let mut samples = 0;
    recording.pcm(MICROPHONE, &(0..u64::MAX), |_, _, bytes| samples += bytes.len() / 2).unwrap();
    assert_eq!(samples, 550 * 160, "neither is the full-quality audio of it");
    let marker = |at, label: &str| Marker { stream: MICROPHONE, at: FrameIndex(at), label: label.into() };
    let markers = recording.markers().unwrap();
    assert_eq!(markers, [marker(200, "before the pause"), marker(750, "after it")]);
    let marks: Vec<_> = recording.clock_marks().unwrap().iter().map(|mark| mark.index.0).collect();
    assert_eq!(marks, [0, 650], "what comes after a hole is tied to the clocks anew");
}

/// Stands still by itself, and says so.
struct WithDevice {
    source: SampleSource,
    is_paused: Arc<AtomicBool>,
}

impl Source for WithDevice {
    fn format(&self) -> StreamFormat {
        self.source.format()
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        self.source.poll_next(cx, frame)
    }

    fn pause(&mut self, paused: bool) -> bool {
        self.is_paused.store(paused, Ordering::Relaxed);
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_with_a_device_is_asked_to_close_it() {
    let folder = TempDir::new().unwrap();
    let journal = journal(&folder);
    let is_paused = Arc::new(AtomicBool::new(false));
    let source = WithDevice { source: speech(3), is_paused: Arc::clone(&is_paused) };
    let source = Lc3Source::new(source, 20).unwrap();
    let info = info(&source, "Desk");
    let recorder = Recorder::new(source, journal.clone(), MICROPHONE, &info, 0).unwrap();
    let control = recorder.control();
    let person = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        control.pause();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(is_paused.load(Ordering::Relaxed));
        control.resume();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!is_paused.load(Ordering::Relaxed));
    };
    let ((_, result), ()) = tokio::join!(async { recorder.run(&mut ()).await }, person);
    result.unwrap();
}

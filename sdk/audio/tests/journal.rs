//! What was heard survives the process.

mod common;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::sine;
use glasslink_audio::journal::disk::{MemoryDisk, OsDisk};
use glasslink_audio::journal::log::{LogLimits, Syncer};
use glasslink_audio::journal::{
    DiskCause, Found, FrameSink, Journal, JournalError, JournalState, JournalStore, Marker, PcmTee, Piece,
    RecordedRun, Recorder, Recording, SessionInfo, Stored, StreamInfo, WriteError,
};
use glasslink_audio::{Captured, Lc3Source, Pace, Resampled, SampleSource, Source};
use glasslink_protocol::{
    ClockMark, Epoch, EventNumber, Final, FrameIndex, Gap, GapCause, SessionId, StreamFormat, StreamId,
    TranscriptEvent,
};

const SESSION: SessionId = SessionId(0x1234);
const STREAM: StreamId = StreamId(1);

struct Rig {
    disk: MemoryDisk,
    syncer: Arc<Syncer>,
    limits: LogLimits,
    now: Instant,
}

impl Rig {
    fn new() -> Self {
        let limits = LogLimits { segment_bytes: 4_000, ..LogLimits::default() };
        Self { disk: MemoryDisk::new(), syncer: Arc::new(Syncer::manual()), limits, now: Instant::now() }
    }

    fn store(&self) -> JournalStore {
        JournalStore::on(Arc::new(self.disk.clone()), "/recordings", Arc::clone(&self.syncer), self.limits)
    }

    fn journal(&self) -> Journal {
        let journal = self.store().create(&info(), self.now).unwrap();
        assert_eq!(journal.open_stream(STREAM, &stream_info(), self.now), Ok(Stored::OnDisk));
        journal
    }

    /// The program is killed, and another one looks.
    fn recovered(&self) -> Recording {
        self.disk.kill();
        let mut found = self.store().recordings().unwrap();
        let Some(Found::Recording(recording)) = found.pop() else { panic!("{found:?}") };
        assert!(found.is_empty());
        recording
    }
}

fn info() -> SessionInfo {
    SessionInfo { session: SESSION, continues: Some(SessionId(7)), program: "test 1".into() }
}

fn format() -> StreamFormat {
    StreamFormat::lc3(16_000, 20).unwrap()
}

fn stream_info() -> StreamInfo {
    StreamInfo { format: format(), continues: None, label: "Microphone".into() }
}

fn frame(n: u64) -> [u8; 20] {
    std::array::from_fn(|at| (n as usize * 31 + at) as u8)
}

fn append(journal: &Journal, frames: std::ops::Range<u64>, now: Instant) -> Vec<Stored> {
    frames.map(|n| journal.append(STREAM, FrameIndex(n), &[&frame(n)], now).unwrap()).collect()
}

fn gap(from: u64, to: u64, cause: GapCause) -> Gap {
    Gap::new(STREAM, FrameIndex(from), FrameIndex(to), cause, &format())
}

/// Frames and gaps of a recording; the frames are checked.
fn read(recording: &Recording, from: u64, to: u64) -> (Vec<u64>, Vec<Gap>) {
    let (mut frames, mut gaps) = (Vec::new(), Vec::new());
    let take = |piece: Piece<'_>| match piece {
        Piece::Frame { index, frame: bytes } => {
            assert_eq!(bytes, frame(index.0));
            frames.push(index.0);
        }
        Piece::Gap(gap) => gaps.push(gap),
    };
    recording.frames(STREAM, FrameIndex(from)..FrameIndex(to), take).unwrap();
    (frames, gaps)
}

#[test]
fn everything_that_was_written_is_found_after_a_kill() {
    let rig = Rig::new();
    let journal = rig.journal();
    let mark =
        ClockMark { stream: STREAM, index: FrameIndex(0), monotonic_us: 5, utc_ms: 6, utc_offset_min: -60 };
    let marker = Marker { stream: STREAM, at: FrameIndex(3), label: "Point 2: \"costs\"".into() };
    let said = TranscriptEvent::Final(Final {
        stream: STREAM,
        from: FrameIndex(0),
        to: FrameIndex(90),
        text: "Good morning.".into(),
        words: vec![],
    });
    let _ = journal.clock(&mark, rig.now).unwrap();
    append(&journal, 0..100, rig.now);
    let _ = journal.gap(&gap(100, 120, GapCause::Radio), rig.now).unwrap();
    append(&journal, 120..400, rig.now);
    let _ = journal.marker(&marker, rig.now).unwrap();
    let _ = journal.kept(STREAM, FrameIndex(90), rig.now).unwrap();
    let _ = journal.kept(STREAM, FrameIndex(200), rig.now).unwrap();
    let _ = journal.transcribed(STREAM, FrameIndex(95), rig.now).unwrap();
    let _ = journal.event(Epoch(9), EventNumber(1), &said, rig.now).unwrap();

    let check = |recording: &Recording| {
        assert_eq!(recording.session(), SESSION);
        assert_eq!(recording.info().unwrap(), info());
        let [stream] = &recording.streams().unwrap()[..] else { panic!() };
        assert_eq!((stream.stream, &stream.info), (STREAM, &stream_info()));
        assert_eq!((stream.next, stream.kept, stream.end), (FrameIndex(400), FrameIndex(200), None));
        assert_eq!(stream.transcribed, FrameIndex(95));
        assert_eq!(recording.gaps(STREAM).unwrap(), [gap(100, 120, GapCause::Radio)]);
        let run = |from, to, gap| RecordedRun { from: FrameIndex(from), to: FrameIndex(to), gap };
        let runs = [run(0, 100, None), run(100, 120, Some(GapCause::Radio)), run(120, 400, None)];
        assert_eq!(recording.runs(STREAM).unwrap(), runs);
        assert_eq!(recording.clock_marks().unwrap(), [mark]);
        assert_eq!(recording.markers().unwrap(), std::slice::from_ref(&marker));
        let [event] = &recording.events().unwrap()[..] else { panic!() };
        assert_eq!((event.epoch, event.number, &event.event), (Epoch(9), EventNumber(1), &said));
        let (frames, gaps) = read(recording, 50, 1000);
        assert_eq!(frames, (50..100).chain(120..400).collect::<Vec<_>>());
        assert_eq!(gaps, [gap(100, 120, GapCause::Radio)]);
        assert!(!recording.is_finished().unwrap());
    };
    check(&journal.recording());
    std::mem::forget(journal);
    check(&rig.recovered());
}

#[test]
fn a_full_disk_is_a_state_and_its_hole_one_typed_gap_of_the_right_length() {
    let rig = Rig::new();
    let journal = rig.journal();
    append(&journal, 0..50, rig.now);
    assert_eq!(journal.state(), JournalState::Writing);
    rig.disk.set_capacity(Some(0));
    let second = |n| rig.now + Duration::from_secs(n);
    assert!(append(&journal, 50..70, second(1)).iter().all(|stored| *stored == Stored::NotStored));
    let JournalState::Failing { cause, .. } = journal.state() else { panic!() };
    assert_eq!(cause, DiskCause::Full);
    assert_eq!(journal.state().words(), "the disk is full");
    assert!(journal.state().remedy().unwrap().contains("free some space"));
    // What is no audio waits in memory.
    assert_eq!(journal.gap(&gap(70, 80, GapCause::Absent), second(2)), Ok(Stored::NotStored));
    append(&journal, 80..90, second(3));

    rig.disk.set_capacity(None);
    let back = append(&journal, 90..100, second(4));
    assert_eq!(back, vec![Stored::OnDisk; 10]);
    assert_eq!(journal.state(), JournalState::Writing);
    assert_eq!(journal.state().remedy(), None);
    std::mem::forget(journal);
    let (frames, gaps) = read(&rig.recovered(), 0, 100);
    assert_eq!(frames, (0..50).chain(90..100).collect::<Vec<_>>());
    let expected = [gap(50, 70, GapCause::Disk), gap(70, 80, GapCause::Absent), gap(80, 90, GapCause::Disk)];
    assert_eq!(gaps, expected);
}

#[test]
fn a_disk_that_is_full_for_a_moment_is_written_again_within_two_seconds() {
    let rig = Rig::new();
    let journal = rig.journal();
    rig.disk.set_capacity(Some(0));
    append(&journal, 0..1, rig.now);
    rig.disk.set_capacity(None);
    let ten_ms = Duration::from_millis(10);
    let back = (1..1_000)
        .find(|n| append(&journal, *n..*n + 1, rig.now + ten_ms * *n as u32) == [Stored::OnDisk])
        .unwrap();
    assert!(back <= 200, "after {back} frames");
    std::mem::forget(journal);
    assert_eq!(rig.recovered().gaps(STREAM).unwrap(), [gap(0, back, GapCause::Disk)]);
}

#[test]
fn a_folder_that_was_deleted_is_made_again_and_what_was_in_it_is_a_gap() {
    let rig = Rig::new();
    let journal = rig.journal();
    let mut states = journal.watch_state();
    append(&journal, 0..50, rig.now);
    rig.disk.delete("/recordings".as_ref());
    append(&journal, 50..60, rig.now);
    rig.syncer.run();
    append(&journal, 60..61, rig.now);
    assert!(states.has_changed().unwrap());
    assert!(matches!(&*states.borrow_and_update(), JournalState::Failing { cause: DiskCause::Gone, .. }));
    append(&journal, 61..70, rig.now);
    assert_eq!(*states.borrow_and_update(), JournalState::Writing);
    std::mem::forget(journal);
    let recording = rig.recovered();
    assert_eq!(recording.gaps(STREAM).unwrap(), [gap(0, 60, GapCause::Disk)]);
    assert_eq!(recording.info().unwrap(), info(), "who and what it is was written again");
}

#[test]
fn frames_told_as_lost_although_they_are_recorded_are_a_gap_after_a_restart() {
    let rig = Rig::new();
    let journal = rig.journal();
    append(&journal, 0..30, rig.now);
    let told = journal.gap(&gap(10, 15, GapCause::Rejected), rig.now);
    assert_eq!(told, Ok(Stored::OnDisk));
    append(&journal, 30..40, rig.now);
    std::mem::forget(journal);
    let recording = rig.recovered();
    let runs = recording.runs(STREAM).unwrap();
    let runs: Vec<_> = runs.iter().map(|run| (run.from.0, run.to.0, run.gap)).collect();
    assert_eq!(runs, [(0, 10, None), (10, 15, Some(GapCause::Rejected)), (15, 40, None)]);
    assert_eq!(recording.gaps(STREAM).unwrap(), [gap(10, 15, GapCause::Rejected)]);
    assert_eq!(read(&recording, 0, 40).0.len(), 40, "they can be heard all the same");
}

#[test]
fn a_corrupted_middle_is_a_gap_of_its_frames_only() {
    let rig = Rig::new();
    let journal = rig.journal();
    append(&journal, 0..60, rig.now);
    std::mem::forget(journal);
    let path = PathBuf::from(format!("/recordings/{SESSION}/00000000.glj"));
    rig.disk.change(&path, |bytes| bytes[2000..2100].fill(0));
    let recording = rig.recovered();
    let [damage] = recording.damage() else { panic!() };
    let lost = u64::from(damage.records.unwrap());
    let [gap] = recording.gaps(STREAM).unwrap()[..] else { panic!() };
    assert_eq!((gap.frames(), gap.cause), (lost, GapCause::Disk));
    assert!(lost <= 4);
    let (frames, gaps) = read(&recording, 0, 60);
    assert_eq!((frames.len() as u64, gaps), (60 - lost, vec![gap]));
}

#[test]
fn a_recording_has_one_writer_and_says_when_it_is_finished() {
    let rig = Rig::new();
    let journal = rig.journal();
    assert!(matches!(rig.store().create(&info(), rig.now), Err(JournalError::InUse(SESSION))));
    assert!(matches!(rig.store().recordings().unwrap()[..], [Found::InUse(SESSION)]));
    append(&journal, 0..10, rig.now);
    let _ = journal.end(STREAM, FrameIndex(10), rig.now).unwrap();
    let _ = journal.finished(rig.now).unwrap();
    drop(journal);
    assert!(matches!(rig.store().create(&info(), rig.now), Err(JournalError::Exists(SESSION))));
    let recording = rig.recovered();
    assert!(recording.is_finished().unwrap());
    assert_eq!(recording.streams().unwrap()[0].end, Some(FrameIndex(10)));
    recording.remove().unwrap();
    assert!(rig.store().recordings().unwrap().is_empty());
    assert!(rig.disk.files().is_empty());
}

#[test]
fn a_new_process_goes_on_with_a_recording() {
    let rig = Rig::new();
    let journal = rig.journal();
    append(&journal, 0..10, rig.now);
    std::mem::forget(journal);
    let journal = rig.recovered().resume().unwrap();
    let _ = journal.kept(STREAM, FrameIndex(10), rig.now).unwrap();
    let wrong = journal.append(STREAM, FrameIndex(10), &[&frame(10)], rig.now);
    assert_eq!(wrong, Err(WriteError::UnknownStream(STREAM)), "an old stream gets no more frames");
    let next = StreamId(2);
    let continues = StreamInfo { continues: Some(STREAM), ..stream_info() };
    let _ = journal.open_stream(next, &continues, rig.now).unwrap();
    let _ = journal.append(next, FrameIndex(0), &[&frame(0)], rig.now).unwrap();
    drop(journal);
    let streams = rig.recovered().streams().unwrap();
    assert_eq!(streams.iter().map(|stream| stream.next.0).collect::<Vec<_>>(), [10, 1]);
    assert_eq!(streams[0].kept, FrameIndex(10));
    assert_eq!(streams[1].info, continues);
}

#[test]
fn frames_that_vary_in_size_keep_theirs() {
    let rig = Rig::new();
    let journal = rig.journal();
    let opus = StreamId(5);
    let info = StreamInfo { format: StreamFormat::opus(16_000, 320).unwrap(), ..stream_info() };
    let _ = journal.open_stream(opus, &info, rig.now).unwrap();
    let frames: Vec<Vec<u8>> = (1..40).map(|size| vec![size as u8; size]).collect();
    let batch: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let _ = journal.append(opus, FrameIndex(0), &batch[..20], rig.now).unwrap();
    let _ = journal.append(opus, FrameIndex(20), &batch[20..], rig.now).unwrap();
    let mut read = Vec::new();
    let take = |piece: Piece<'_>| match piece {
        Piece::Frame { frame, .. } => read.push(frame.to_vec()),
        Piece::Gap(gap) => panic!("{gap:?}"),
    };
    journal.recording().frames(opus, FrameIndex(10)..FrameIndex(30), take).unwrap();
    assert_eq!(read, frames[10..30]);
}

#[test]
fn a_caller_that_is_wrong_is_told() {
    let rig = Rig::new();
    let journal = rig.journal();
    append(&journal, 0..10, rig.now);
    let append = |stream, at, frame: &[u8]| journal.append(stream, FrameIndex(at), &[frame], rig.now);
    assert_eq!(append(StreamId(9), 0, &frame(0)), Err(WriteError::UnknownStream(StreamId(9))));
    assert_eq!(append(STREAM, 10, &[0; 19]), Err(WriteError::FrameBytes { stream: STREAM, bytes: 19 }));
    let (from, next) = (FrameIndex(9), FrameIndex(10));
    assert_eq!(append(STREAM, 9, &frame(9)), Err(WriteError::OutOfOrder { stream: STREAM, from, next }));
    let other = StreamInfo { format: StreamFormat::pcm(16_000).unwrap(), ..stream_info() };
    assert_eq!(journal.open_stream(STREAM, &other, rig.now), Err(WriteError::StreamChanged(STREAM)));
}

/// Notes what comes, and that the journal had it before.
struct Checking {
    journal: Journal,
    frames: Arc<Mutex<Vec<u64>>>,
    gaps: Vec<Gap>,
    marks: Vec<ClockMark>,
}

impl FrameSink for Checking {
    fn frame(&mut self, index: FrameIndex, _: Instant, frame: &[u8], stored: Stored) {
        assert_eq!(stored, Stored::OnDisk);
        let mut found = false;
        let take = |piece: Piece<'_>| found |= piece == Piece::Frame { index, frame };
        self.journal.recording().frames(STREAM, index..index + 1, take).unwrap();
        assert!(found, "frame {index} was handed on before it was written");
        self.frames.lock().unwrap().push(index.0);
    }

    fn gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    fn clock(&mut self, mark: ClockMark) {
        self.marks.push(mark);
    }
}

/// A second of audio, 30 s of nothing, a second of audio.
struct Paused(SampleSource, bool);

impl Source for Paused {
    fn format(&self) -> StreamFormat {
        self.0.format()
    }

    fn poll_next(
        &mut self,
        cx: &mut std::task::Context<'_>,
        frame: &mut Vec<u8>,
    ) -> std::task::Poll<Result<Option<Captured>, glasslink_audio::SourceError>> {
        let polled = self.0.poll_next(cx, frame);
        if matches!(polled, std::task::Poll::Ready(Ok(None))) && !std::mem::replace(&mut self.1, true) {
            self.0 = SampleSource::new(sine(440.0, 48_000, 48_000), 48_000, Pace::REAL_TIME).unwrap();
            let pause = Captured::Gap { frames: 3_000, cause: GapCause::Absent };
            return std::task::Poll::Ready(Ok(Some(pause)));
        }
        polled
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorder_writes_frames_gaps_and_marks_before_it_hands_them_on() {
    let rig = Rig::new();
    let journal = rig.store().create(&info(), rig.now).unwrap();
    let microphone = SampleSource::new(sine(440.0, 48_000, 48_000 * 12), 48_000, Pace::REAL_TIME).unwrap();
    let microphone = PcmTee::new(Paused(microphone, false), journal.clone(), STREAM);
    let source = Lc3Source::new(Resampled::new(microphone, 16_000).unwrap(), 20).unwrap();
    let recorder = Recorder::new(source, journal.clone(), STREAM, &stream_info(), 120).unwrap();
    let frames = Arc::default();
    let mut sink =
        Checking { journal: journal.clone(), frames: Arc::clone(&frames), gaps: vec![], marks: vec![] };
    let (end, result) = recorder.run(&mut sink).await;
    result.unwrap();

    assert_eq!(end, FrameIndex(1_200 + 3_000 + 100));
    assert_eq!(*frames.lock().unwrap(), (0..1_200).chain(4_200..4_300).collect::<Vec<_>>());
    assert_eq!(sink.gaps, [gap(1_200, 4_200, GapCause::Absent)]);
    let marked: Vec<u64> = sink.marks.iter().map(|mark| mark.index.0).collect();
    assert_eq!(marked, [0, 1_000, 4_200], "at the start, after 10 s, and after the pause");
    assert_eq!(sink.marks[1].monotonic_us - sink.marks[0].monotonic_us, 10_000_000);

    let recording = journal.recording();
    assert_eq!(recording.gaps(STREAM).unwrap(), sink.gaps);
    assert_eq!(recording.clock_marks().unwrap(), sink.marks);
    assert_eq!(recording.streams().unwrap()[0].end, Some(end));
    let (mut samples, mut next) = (0, 0);
    let take = |rate, first, bytes: &[u8]| {
        assert_eq!(rate, 48_000);
        assert!(first == next || first == 4_200 * 480, "{first} after {next}");
        next = first + bytes.len() as u64 / 2;
        samples += bytes.len() / 2;
    };
    recording.pcm(STREAM, &(0..u64::MAX), take).unwrap();
    assert_eq!(samples, 48_000 * 13);
}

/// Wants another stream after so many frames.
struct Continuing {
    after: u64,
    frames: Vec<FrameIndex>,
}

impl FrameSink for Continuing {
    fn continuation(&mut self) -> Option<StreamId> {
        (self.frames.len() as u64 == self.after).then_some(StreamId(2))
    }

    fn frame(&mut self, index: FrameIndex, _: Instant, _: &[u8], _: Stored) {
        self.frames.push(index);
    }

    fn gap(&mut self, _: Gap) {}
    fn clock(&mut self, _: ClockMark) {}
}

#[tokio::test(start_paused = true)]
async fn a_recording_goes_on_as_another_stream_where_the_link_wants_one() {
    let rig = Rig::new();
    let journal = rig.store().create(&info(), rig.now).unwrap();
    let microphone = SampleSource::new(sine(440.0, 48_000, 48_000 * 2), 48_000, Pace::REAL_TIME).unwrap();
    let microphone = PcmTee::new(microphone, journal.clone(), STREAM);
    let source = Lc3Source::new(Resampled::new(microphone, 16_000).unwrap(), 20).unwrap();
    let recorder = Recorder::new(source, journal.clone(), STREAM, &stream_info(), 0).unwrap();
    let mut sink = Continuing { after: 130, frames: Vec::new() };
    let (end, result) = recorder.run(&mut sink).await;
    result.unwrap();
    assert_eq!(end, FrameIndex(70));
    assert_eq!(sink.frames, (0..130).chain(0..70).map(FrameIndex).collect::<Vec<_>>());
    drop(journal);

    let recording = rig.recovered();
    let streams = recording.streams().unwrap();
    let known: Vec<_> =
        streams.iter().map(|stream| (stream.stream, stream.info.continues, stream.end)).collect();
    assert_eq!(
        known,
        [(STREAM, None, Some(FrameIndex(130))), (StreamId(2), Some(STREAM), Some(FrameIndex(70)))]
    );
    assert_eq!(streams[1].info.label, "Microphone");
    let starts: Vec<u64> = recording.clock_marks().unwrap().iter().map(|mark| mark.index.0).collect();
    assert_eq!(starts, [0, 0], "each is tied to the clocks");
    // The samples were a little ahead of the frames made of them.
    let samples = |stream| {
        let mut range = None;
        let whole = 0..u64::MAX;
        let take = |_, first, bytes: &[u8]| {
            let end = first + bytes.len() as u64 / 2;
            assert_eq!(range.map_or(first, |(_, end)| end), first, "without a hole");
            range = Some((range.map_or(first, |(start, _)| start), end));
        };
        recording.pcm(stream, &whole, take).unwrap();
        range.unwrap()
    };
    let (first, second) = (samples(STREAM), samples(StreamId(2)));
    assert_eq!((first.0, second.1), (0, 70 * 480));
    assert_eq!(first.1, 130 * 480 + second.0, "every sample is in one of them");
}

#[tokio::test(start_paused = true)]
async fn a_recorder_needs_no_consumer_and_no_disk() {
    let rig = Rig::new();
    let journal = rig.store().create(&info(), rig.now).unwrap();
    let source =
        Lc3Source::new(SampleSource::new(vec![0; 160_000], 16_000, Pace::REAL_TIME).unwrap(), 20).unwrap();
    let recorder = Recorder::new(source, journal.clone(), STREAM, &stream_info(), 0).unwrap();
    let running = tokio::spawn(async move { recorder.run(&mut ()).await });
    tokio::time::sleep(Duration::from_millis(2_995)).await;
    rig.disk.set_capacity(Some(0));
    tokio::time::sleep(Duration::from_secs(4)).await;
    rig.disk.set_capacity(None);
    let (end, result) = running.await.unwrap();
    result.unwrap();
    assert_eq!(end, FrameIndex(1_000));
    let [hole] = journal.recording().gaps(STREAM).unwrap()[..] else { panic!() };
    assert_eq!(hole.cause, GapCause::Disk);
    // 4 s, and up to one until the disk is tried again.
    assert!((400..=500).contains(&hole.frames()), "{hole:?}");
}

#[cfg(unix)]
#[test]
fn on_a_real_disk_only_the_owner_may_read_and_a_lost_folder_comes_back() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::TempDir::new().unwrap();
    let root = folder.path().join("recordings");
    let syncer = Arc::new(Syncer::manual());
    let store = JournalStore::on(Arc::new(OsDisk), &root, Arc::clone(&syncer), LogLimits::default());
    let now = Instant::now();
    let journal = store.create(&info(), now).unwrap();
    let _ = journal.open_stream(STREAM, &stream_info(), now).unwrap();
    append(&journal, 0..100, now);
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let dir = root.join(SESSION.to_string());
    assert_eq!((mode(root.clone()), mode(dir.clone())), (0o700, 0o700));
    assert_eq!((mode(dir.join("00000000.glj")), mode(dir.join("lock"))), (0o600, 0o600));
    assert!(matches!(store.recordings().unwrap()[..], [Found::InUse(SESSION)]));

    std::fs::remove_dir_all(&root).unwrap();
    syncer.run();
    append(&journal, 100..200, now);
    append(&journal, 200..201, now);
    assert_eq!(journal.state(), JournalState::Writing);
    assert!(matches!(store.recordings().unwrap()[..], [Found::InUse(SESSION)]), "the lock is held again");
    drop(journal);
    let Some(Found::Recording(recording)) = store.find(SESSION) else { panic!() };
    let (frames, gaps) = read(&recording, 0, 201);
    assert_eq!((frames.len(), gaps), (101, vec![gap(0, 100, GapCause::Disk)]));
}

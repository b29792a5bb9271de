//! Files of released versions are read for good. They are never edited: a new version adds its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use glasslink_audio::journal::disk::OsDisk;
use glasslink_audio::journal::log::{LogLimits, Syncer};
use glasslink_audio::journal::{Found, JournalStore, Marker, Piece, Recording, SessionInfo, StreamInfo};
use glasslink_protocol::{
    ClockMark, Epoch, EventNumber, Final, FrameIndex, Gap, GapCause, SessionId, StreamFormat, StreamId,
    TranscriptEvent,
};
use tempfile::TempDir;

const SESSION: SessionId = SessionId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
const STREAM: StreamId = StreamId(1);

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// A copy, so that recovery may cut and lock.
fn copied(damage: impl Fn(&mut Vec<u8>)) -> (TempDir, Recording) {
    let folder = TempDir::new().unwrap();
    let to = folder.path().join(SESSION.to_string());
    fs::create_dir_all(to.join("pcm")).unwrap();
    for name in ["00000000.glj", "00000001.glj", "pcm/00000000.glj"] {
        let mut bytes = fs::read(golden().join(SESSION.to_string()).join(name)).unwrap();
        damage(&mut bytes);
        fs::write(to.join(name), bytes).unwrap();
    }
    let store =
        JournalStore::on(Arc::new(OsDisk), folder.path(), Arc::new(Syncer::manual()), LogLimits::default());
    let Some(Found::Recording(recording)) = store.find(SESSION) else { panic!("not found") };
    (folder, recording)
}

fn frame(n: u64) -> [u8; 20] {
    std::array::from_fn(|at| (n as usize * 31 + at) as u8)
}

/// What the golden recording says.
fn check(recording: &Recording) {
    let info = recording.info().unwrap();
    assert_eq!((info.session, info.continues, &*info.program), (SESSION, Some(SessionId(1)), "golden 1"));
    let streams = recording.streams().unwrap();
    let [stream] = &streams[..] else { panic!("{streams:?}") };
    assert_eq!(stream.info.format, StreamFormat::lc3(16_000, 20).unwrap());
    assert_eq!(stream.info.label, "Microphone");
    assert_eq!(
        (stream.next, stream.kept, stream.end),
        (FrameIndex(60), FrameIndex(40), Some(FrameIndex(60)))
    );
    assert_eq!(stream.transcribed, FrameIndex(50));
    let mut next = 0;
    let take = |piece: Piece<'_>| match piece {
        Piece::Frame { index, frame: bytes } => {
            assert_eq!((index.0, bytes), (next, &frame(next)[..]));
            next += 1;
        }
        Piece::Gap(gap) => {
            assert_eq!((gap.from.0, gap.to.0, gap.ms, gap.cause), (30, 35, 50, GapCause::Radio));
            next = 35;
        }
    };
    recording.frames(STREAM, FrameIndex(0)..FrameIndex(60), take).unwrap();
    assert_eq!(next, 60);
    assert_eq!(recording.clock_marks().unwrap()[0].utc_ms, 1_700_000_000_000);
    assert_eq!(recording.markers().unwrap()[0].label, "here");
    let TranscriptEvent::Final(said) = &recording.events().unwrap()[0].event else { panic!() };
    assert_eq!(said.text, "Good morning.");
    let mut samples = Vec::new();
    recording.pcm(STREAM, &(0..u64::MAX), |rate, _, bytes| samples.extend([(rate, bytes.len())])).unwrap();
    assert_eq!(samples, [(48_000, 960)]);
}

#[test]
fn a_recording_of_version_1_is_read() {
    let (_folder, recording) = copied(|_| {});
    assert!(recording.damage().is_empty());
    check(&recording);
}

#[test]
fn a_recording_of_version_1_is_read_without_its_footers() {
    let (_folder, recording) = copied(|bytes| bytes.truncate(bytes.len() - 16));
    // Where only the trailer is gone, the footer is a record that is read and passed over.
    assert!(recording.damage().is_empty());
    check(&recording);
}

#[test]
fn a_newer_recording_is_refused_with_a_sentence_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let to = folder.path().join(SESSION.to_string());
    fs::create_dir_all(&to).unwrap();
    let mut bytes = fs::read(golden().join(SESSION.to_string()).join("00000000.glj")).unwrap();
    bytes[8] = 3;
    let crc = crc32fast::hash(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    fs::write(to.join("00000000.glj"), &bytes).unwrap();
    let store =
        JournalStore::on(Arc::new(OsDisk), folder.path(), Arc::new(Syncer::manual()), LogLimits::default());
    let Some(Found::Unreadable { session, error }) = store.find(SESSION) else { panic!() };
    assert_eq!(session, SESSION);
    assert!(error.to_string().contains("update it"), "{error}");
    assert_eq!(fs::read(to.join("00000000.glj")).unwrap(), bytes);
}

/// Writes the golden recording of the current version. Run once when a version is released:
/// `GLASSLINK_GOLDEN=DIR cargo test -p glasslink-audio --test golden -- --ignored`
#[test]
#[ignore = "writes files"]
fn write_golden_files() {
    let root = std::env::var("GLASSLINK_GOLDEN").expect("GLASSLINK_GOLDEN names a folder");
    let limits = LogLimits { segment_bytes: 2_500, ..LogLimits::default() };
    let store = JournalStore::on(Arc::new(OsDisk), root, Arc::new(Syncer::manual()), limits);
    let now = Instant::now();
    let format = StreamFormat::lc3(16_000, 20).unwrap();
    let info = SessionInfo { session: SESSION, continues: Some(SessionId(1)), program: "golden 1".into() };
    let journal = store.create(&info, now).unwrap();
    let stream = StreamInfo { format, continues: None, label: "Microphone".into() };
    let index = FrameIndex(0);
    let mark =
        ClockMark { stream: STREAM, index, monotonic_us: 1, utc_ms: 1_700_000_000_000, utc_offset_min: 60 };
    let _ = journal.open_stream(STREAM, &stream, now).unwrap();
    let _ = journal.clock(&mark, now).unwrap();
    for n in (0..30).chain(35..60) {
        if n == 35 {
            let gap = Gap::new(STREAM, FrameIndex(30), FrameIndex(35), GapCause::Radio, &format);
            let _ = journal.gap(&gap, now).unwrap();
        }
        let _ = journal.append(STREAM, FrameIndex(n), &[&frame(n)], now).unwrap();
    }
    let _ = journal.append_pcm(STREAM, 48_000, 0, &[1; 960], now).unwrap();
    let _ = journal.marker(&Marker { stream: STREAM, at: FrameIndex(9), label: "here".into() }, now).unwrap();
    let (from, to, text) = (FrameIndex(0), FrameIndex(50), "Good morning.".into());
    let said = TranscriptEvent::Final(Final { stream: STREAM, from, to, text, words: vec![] });
    let _ = journal.event(Epoch(3), EventNumber(1), &said, now).unwrap();
    let _ = journal.kept(STREAM, FrameIndex(40), now).unwrap();
    let _ = journal.transcribed(STREAM, FrameIndex(50), now).unwrap();
    let _ = journal.end(STREAM, FrameIndex(60), now).unwrap();
}

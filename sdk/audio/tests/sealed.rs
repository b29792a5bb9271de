//! Recordings that only who has the key can read.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use glasslink_audio::journal::disk::OsDisk;
use glasslink_audio::journal::log::{LogError, LogLimits, RecordingKey, Syncer};
use glasslink_audio::journal::{
    Found, Journal, JournalStore, Marker, Piece, Recording, SessionInfo, StreamInfo,
};
use glasslink_protocol::{FrameIndex, GapCause, SessionId, StreamFormat, StreamId};
use tempfile::TempDir;

const SESSION: SessionId = SessionId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
const STREAM: StreamId = StreamId(1);
const FRAME: [u8; 20] = *b"a frame of our voice";

fn store(folder: &Path, key: Option<&RecordingKey>) -> JournalStore {
    let syncer = Arc::new(Syncer::manual());
    let store = JournalStore::on(Arc::new(OsDisk), folder, syncer, LogLimits::default());
    match key {
        Some(key) => store.sealed_with(key.clone()),
        None => store,
    }
}

fn record(store: &JournalStore, frames: u64) -> Journal {
    let now = Instant::now();
    let info = SessionInfo { session: SESSION, continues: None, program: "secret program".into() };
    let journal = store.create(&info, now).unwrap();
    let format = StreamFormat::lc3(16_000, 20).unwrap();
    let stream = StreamInfo { format, continues: None, label: "secret label".into() };
    let _ = journal.open_stream(STREAM, &stream, now).unwrap();
    for n in 0..frames {
        let _ = journal.append(STREAM, FrameIndex(n), &[&FRAME], now).unwrap();
    }
    let marker = Marker { stream: STREAM, at: FrameIndex(3), label: "secret marker".into() };
    let _ = journal.marker(&marker, now).unwrap();
    let _ = journal.append_pcm(STREAM, 48_000, 0, &[0x5a; 960], now).unwrap();
    journal
}

/// Frames that are there, and frames that are gaps of cause `disk`.
fn count(recording: &Recording, frames: u64) -> (u64, u64) {
    let (mut there, mut lost) = (0, 0);
    let take = |piece: Piece<'_>| match piece {
        Piece::Frame { frame, .. } => {
            assert_eq!(frame, FRAME);
            there += 1;
        }
        Piece::Gap(gap) => {
            assert_eq!(gap.cause, GapCause::Disk);
            lost += gap.frames();
        }
    };
    recording.frames(STREAM, FrameIndex(0)..FrameIndex(frames), take).unwrap();
    (there, lost)
}

fn found(store: &JournalStore) -> Recording {
    match store.find(SESSION) {
        Some(Found::Recording(recording)) => recording,
        other => panic!("{other:?}"),
    }
}

fn segment(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join(SESSION.to_string()).join(name)
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[test]
fn nothing_of_what_was_said_is_on_the_disk_and_with_the_key_all_of_it_is() {
    let folder = TempDir::new().unwrap();
    let key = RecordingKey::generate();
    let store = store(folder.path(), Some(&key));
    drop(record(&store, 100));
    for name in ["00000000.glj", "pcm/00000000.glj"] {
        let bytes = fs::read(segment(folder.path(), name)).unwrap();
        for secret in [&FRAME[..], b"secret", b"pcm_s16le", &[0x5a; 32]] {
            assert!(!holds(&bytes, secret), "{name} holds {}", String::from_utf8_lossy(secret));
        }
    }
    let recording = found(&store);
    assert_eq!(count(&recording, 100), (100, 0));
    assert_eq!(recording.info().unwrap().program, "secret program");
    assert_eq!(recording.markers().unwrap()[0].label, "secret marker");
    let mut samples = 0;
    recording.pcm(STREAM, &(0..u64::MAX), |_, _, bytes| samples += bytes.len() / 2).unwrap();
    assert_eq!(samples, 480);
}

#[test]
fn without_its_key_a_recording_is_left_as_it_is_and_the_reason_is_told() {
    let folder = TempDir::new().unwrap();
    let key = RecordingKey::generate();
    drop(record(&store(folder.path(), Some(&key)), 100));
    let before = fs::read(segment(folder.path(), "00000000.glj")).unwrap();
    for other in [None, Some(RecordingKey::generate())] {
        let Some(Found::Unreadable { error, .. }) = store(folder.path(), other.as_ref()).find(SESSION) else {
            panic!("it was read");
        };
        let LogError::Sealed { key: named, .. } = error else { panic!("{error:?}") };
        assert_eq!(named, key.id());
        assert!(error.to_string().contains(&format!("{:08x}", key.id())));
    }
    assert_eq!(fs::read(segment(folder.path(), "00000000.glj")).unwrap(), before);
    assert_eq!(count(&found(&store(folder.path(), Some(&key))), 100), (100, 0));
}

#[test]
fn what_was_recorded_before_there_was_a_key_is_read_and_what_follows_is_sealed() {
    let folder = TempDir::new().unwrap();
    drop(record(&store(folder.path(), None), 50));
    let key = RecordingKey::generate();
    let store = store(folder.path(), Some(&key));
    let journal = found(&store).resume().unwrap();
    let later = Marker { stream: STREAM, at: FrameIndex(50), label: "a later secret".into() };
    let _ = journal.marker(&later, Instant::now()).unwrap();
    drop(journal);
    let second = fs::read(segment(folder.path(), "00000001.glj")).unwrap();
    assert!(!holds(&second, b"later secret") && !holds(&second, b"secret label"));
    let recording = found(&store);
    assert_eq!(count(&recording, 50), (50, 0));
    assert_eq!(recording.markers().unwrap().len(), 2);
    assert_eq!(recording.streams().unwrap()[0].info.label, "secret label");
}

#[test]
fn a_recording_that_was_killed_is_recovered() {
    let folder = TempDir::new().unwrap();
    let key = RecordingKey::generate();
    let store = store(folder.path(), Some(&key));
    let journal = record(&store, 100);
    // A kill: no footer; and the last write was torn.
    let path = segment(folder.path(), "00000000.glj");
    let bytes = fs::read(&path).unwrap();
    std::mem::forget(journal);
    let copy = TempDir::new().unwrap();
    let damaged = segment(copy.path(), "00000000.glj");
    fs::create_dir_all(damaged.parent().unwrap()).unwrap();
    for cut in [1, 50, 1_000] {
        fs::write(&damaged, &bytes[..bytes.len() - cut]).unwrap();
        let recording = found(&self::store(copy.path(), Some(&key)));
        let (there, _) = count(&recording, 100);
        assert!(there >= 85, "{there} after {cut} bytes");
    }
}

#[test]
fn damage_of_any_byte_costs_that_record_and_no_more() {
    let folder = TempDir::new().unwrap();
    let key = RecordingKey::generate();
    let store = store(folder.path(), Some(&key));
    drop(record(&store, 40));
    let path = segment(folder.path(), "00000000.glj");
    let whole = fs::read(&path).unwrap();
    for at in (64..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        let recording = found(&store);
        if recording.streams().unwrap().is_empty() {
            // The stream's own description.
            continue;
        }
        let (there, lost) = count(&recording, 40);
        assert!(there >= 38 && there + lost <= 40, "byte {at}: {there} and {lost}");
    }
}

#[test]
fn a_key_shows_no_secret_and_comes_back_from_its_bytes() {
    let key = RecordingKey::generate();
    let shown = format!("{key:?}");
    assert!(shown.len() < 60, "{shown}");
    let again = RecordingKey::from_bytes(&key.to_bytes()).unwrap();
    assert_eq!((again.id(), again.to_bytes()), (key.id(), key.to_bytes()));
    assert_ne!(RecordingKey::generate().to_bytes(), key.to_bytes());
    assert!(RecordingKey::from_bytes(&[0; 36]).is_none());
}

#[test]
fn a_sealed_recording_of_version_2_is_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v2");
    let key = golden_key();
    let folder = TempDir::new().unwrap();
    for name in ["00000000.glj", "pcm/00000000.glj"] {
        let to = segment(folder.path(), name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(segment(&golden, name), to).unwrap();
    }
    let recording = found(&store(folder.path(), Some(&key)));
    assert_eq!(count(&recording, 20), (20, 0));
    assert_eq!(recording.markers().unwrap()[0].label, "secret marker");
    assert_eq!(recording.streams().unwrap()[0].info.label, "secret label");
}

/// Writes the golden recording of the current version. Run once when a version is released:
/// `GLASSLINK_GOLDEN=DIR cargo test -p glasslink-audio --features encryption --test sealed -- --ignored`
#[test]
#[ignore = "writes files"]
fn write_golden_files() {
    let root = std::env::var("GLASSLINK_GOLDEN").expect("GLASSLINK_GOLDEN names a folder");
    drop(record(&store(root.as_ref(), Some(&golden_key())), 20));
}

fn golden_key() -> RecordingKey {
    let bytes: [u8; 36] = std::array::from_fn(|n| n as u8 + 1);
    RecordingKey::from_bytes(&bytes).unwrap()
}

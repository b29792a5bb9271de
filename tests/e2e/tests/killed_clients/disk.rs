use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use glasslink::audio::journal::disk::OsDisk;
use glasslink::audio::journal::log::Log;
use glasslink::audio::journal::{Found, JournalStore};
use glasslink::{FrameIndex, SessionId};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

const LOOK: Duration = Duration::from_millis(10);

/// A recording begins within this time, on a machine that is busy.
const BEGIN: Duration = Duration::from_secs(30);

/// Records of frames, in a client's journal and in a relay's.
const FRAMES: u8 = 1;

/// The stream of the only track.
const STREAM: u32 = 1;

/// How large a folder's files were, at what time.
pub(super) struct FileSizes<'a> {
    folder: &'a Path,
    seen: VecDeque<(Instant, BTreeMap<PathBuf, u64>)>,
}

/// What is in a client's folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    pub(super) session: SessionId,
    pub(super) frames: u64,
    /// When the end of the last frame was captured, since the Unix epoch.
    pub(super) captured_until: Duration,
}

impl<'a> FileSizes<'a> {
    pub(super) fn of(folder: &'a Path) -> Self {
        Self { folder, seen: VecDeque::new() }
    }

    pub(super) fn until_there_is_a_frame(&self) {
        let began = Instant::now();
        let has_frame = |segment: &PathBuf| {
            let log = Log::open(Arc::new(OsDisk), segment.parent().unwrap(), None, false);
            log.is_ok_and(|log| !log.coverage(FRAMES, STREAM).is_empty())
        };
        while !sizes(self.folder).keys().any(has_frame) {
            assert!(began.elapsed() < BEGIN, "nothing is recorded");
            thread::sleep(LOOK);
        }
    }

    pub(super) fn watch(&mut self, lasting: Duration) {
        let began = Instant::now();
        while began.elapsed() < lasting {
            self.seen.push_back((Instant::now(), sizes(self.folder)));
            thread::sleep(LOOK);
        }
    }

    /// Leaves each file somewhere between its end and what it was this long before the last look.
    pub(super) fn cut_after(&self, synced: Duration, random: &mut Pcg64Mcg) {
        let (last, _) = self.seen.back().expect("it was watched");
        let (_, safe) =
            self.seen.iter().rev().find(|(at, _)| *last - *at >= synced).expect("for long enough");
        for (path, size) in sizes(self.folder) {
            let safe = safe.get(&path).copied().unwrap_or(0);
            let left = safe + random.next_u64() % (size - safe + 1);
            OpenOptions::new().write(true).open(&path).unwrap().set_len(left).unwrap();
        }
    }
}

/// The segments in a folder of recordings, and their bytes.
fn sizes(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let recordings = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = recordings.flat_map(|dir| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()));
    let segments = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "glj"));
    segments.map(|file| (file.path(), file.metadata().unwrap().len())).collect()
}

/// The one recording that is found in `folder`.
pub(super) fn recorded(folder: &Path) -> Recorded {
    let store = JournalStore::open(folder).unwrap();
    let mut found = store.recordings().unwrap();
    let Some(Found::Recording(recording)) = found.pop().filter(|_| found.is_empty()) else {
        panic!("one recording is found at the first start")
    };
    let [stream] = &recording.streams().unwrap()[..] else { panic!("it has one stream") };
    assert_eq!(recording.gaps(stream.stream).unwrap(), [], "the recording is whole");
    let mark = *recording.clock_marks().unwrap().last().expect("a stream begins with a clock mark");
    let since = stream.info.format.stream_time(FrameIndex(stream.next.since(mark.index)));
    Recorded {
        session: recording.session(),
        frames: stream.next.0,
        captured_until: Duration::from_millis(mark.utc_ms as u64) + since,
    }
}

/// Looks into the files of a relay's session that is over. What a client lost in a power cut the relay may have.
pub(super) fn relay_has_each_frame_once(data: &Path, session: SessionId, frames: u64, power_cut: bool) {
    let archive = fs::read_dir(data.join("archive")).unwrap().map(|entry| entry.unwrap().path());
    let of_session = |dir: &PathBuf| dir.to_str().is_some_and(|dir| dir.ends_with(&format!("-{session}")));
    let [dir] = &archive.filter(of_session).collect::<Vec<_>>()[..] else {
        panic!("{session} is over, once")
    };
    let log = Log::open(Arc::new(OsDisk), dir, None, false).unwrap();
    let mut next = 0;
    log.bulk(FRAMES, STREAM, &(0..u64::MAX), |record| {
        assert_eq!(record.from, next, "{session}: one frame after the other");
        next = record.range().end;
    })
    .unwrap();
    assert!(next == frames || (power_cut && next > frames), "{session}: {next} frames of {frames}");
}

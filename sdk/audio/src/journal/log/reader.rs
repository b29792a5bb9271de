use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::format::{LogId, Record, StickyRecord, StickyRecords, decode, seed};
use super::index::Landmark;
use super::scan::Scan;
use super::seal::RecordingKey;
use super::segment::{self, Segment, SegmentError};
use crate::journal::disk::{Disk, DiskFile};

/// A log, to be read. One that comes from a [`LogWriter`](super::LogWriter) sees what that appends.
#[derive(Clone, Debug)]
pub struct Log {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) id: LogId,
    pub(super) key: Option<RecordingKey>,
    segments: Mutex<Vec<Segment>>,
    damage: Vec<Damage>,
}

/// Bytes of a segment that were no records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub segment: u32,
    pub bytes: Range<u64>,
    /// Records that are missing there; `None` at the end of a segment, where no later one tells.
    pub records: Option<u32>,
    /// They were cut off: the end of a segment that was being written when its program or machine died.
    pub cut: bool,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The folder or a file cannot be read; the cause says why.
    #[error("{} cannot be read: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    /// Written by a newer version; update to read it.
    #[error("{} has format {version}, and this program reads up to {known}: update it", path.display(), known = super::SEALED_VERSION)]
    Newer { path: PathBuf, version: u16 },
    /// Sealed, and the key is not at hand: it is in the keyring of who recorded it, or this program was built without
    /// the feature `encryption`.
    #[error("{} is encrypted with key {key:08x}, which is not at hand", path.display())]
    Sealed { path: PathBuf, key: u32 },
    /// No file in the folder is a segment, or none is whole enough to tell.
    #[error("{} has no journal in it", dir.display())]
    Nothing { dir: PathBuf },
}

impl Log {
    /// Opens the log in `dir`. `id`: what it must be, where that is known; a segment whose head is damaged can only be
    /// read if it is. With `repair`, the torn end of a segment that was being written is cut off; nobody else may be
    /// writing then.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, id: Option<LogId>, repair: bool) -> Result<Self, LogError> {
        Self::open_with(disk, dir, id, repair, None)
    }

    /// The same, for a log that may be sealed.
    pub(in crate::journal) fn open_with(
        disk: Arc<dyn Disk>,
        dir: &Path,
        mut id: Option<LogId>,
        repair: bool,
        key: Option<RecordingKey>,
    ) -> Result<Self, LogError> {
        let io = |cause| LogError::Io { path: dir.to_owned(), cause };
        let mut numbers: Vec<u32> =
            disk.list(dir).map_err(io)?.iter().filter_map(|name| segment::number_of(name)).collect();
        numbers.sort_unstable();

        let (mut segments, mut damage) = (Vec::new(), Vec::new());
        for number in numbers {
            let path = segment::path(dir, number);
            match segment::load(&*disk, &path, number, id, key.as_ref().map(RecordingKey::id)) {
                Ok((log, found)) => {
                    id = Some(log);
                    let torn = repair && !found.closed && found.segment.size < found.file_size;
                    let cut = torn
                        && disk.open(&path, true).is_ok_and(|file| file.truncate(found.segment.size).is_ok());
                    damage.extend(found.damaged.into_iter().map(|skipped| Damage {
                        segment: number,
                        bytes: skipped.bytes.start as u64..skipped.bytes.end as u64,
                        records: skipped.records,
                        cut: cut && skipped.bytes.end as u64 == found.file_size,
                    }));
                    segments.push(found.segment);
                }
                Err(SegmentError::Io(cause)) => return Err(LogError::Io { path, cause }),
                Err(SegmentError::Sealed(key)) => return Err(LogError::Sealed { path, key }),
                Err(SegmentError::Newer(version)) => return Err(LogError::Newer { path, version }),
                Err(SegmentError::Foreign) => {
                    damage.push(Damage { segment: number, bytes: 0..u64::MAX, records: None, cut: false });
                }
            }
        }
        let id =
            id.filter(|_| !segments.is_empty()).ok_or_else(|| LogError::Nothing { dir: dir.to_owned() })?;
        let shared = Shared { disk, dir: dir.to_owned(), id, key, segments: Mutex::new(segments), damage };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(super) fn empty(disk: Arc<dyn Disk>, dir: PathBuf, id: LogId, key: Option<RecordingKey>) -> Self {
        let segments = Mutex::default();
        Self { shared: Arc::new(Shared { disk, dir, id, key, segments, damage: Vec::new() }) }
    }

    pub fn id(&self) -> LogId {
        self.shared.id
    }

    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// What was damaged when the log was opened.
    pub fn damage(&self) -> &[Damage] {
        &self.shared.damage
    }

    /// Milliseconds since the Unix epoch at which the oldest segment was begun.
    pub fn created_ms(&self) -> Option<i64> {
        self.shared.segments().iter().map(|segment| segment.created_ms).find(|created| *created > 0)
    }

    /// Bytes of all segments.
    pub fn size(&self) -> u64 {
        self.shared.segments().iter().map(|segment| segment.size).sum()
    }

    /// The lanes that have records of `kind`.
    pub fn lanes(&self, kind: u8) -> Vec<u32> {
        let segments = self.shared.segments();
        let runs = segments.iter().flat_map(|segment| &segment.index.runs);
        let mut lanes: Vec<u32> = runs.filter(|run| run.kind == kind).map(|run| run.lane).collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }

    /// The ranges of `lane` that records of `kind` cover, ordered and joined.
    pub fn coverage(&self, kind: u8, lane: u32) -> Vec<Range<u64>> {
        let segments = self.shared.segments();
        let runs = segments.iter().flat_map(|segment| &segment.index.runs);
        let of_lane = runs.filter(|run| (run.kind, run.lane) == (kind, lane));
        let mut ranges: Vec<Range<u64>> = of_lane.map(|run| run.from..run.to).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        ranges.dedup_by(|next, last| {
            let joins = next.start <= last.end;
            if joins {
                last.end = last.end.max(next.end);
            }
            joins
        });
        ranges
    }

    /// Hands out the bulk records of `lane` that cover any of `range`, in order. What turns out damaged is left out.
    pub fn bulk(
        &self,
        kind: u8,
        lane: u32,
        range: &Range<u64>,
        mut take: impl FnMut(&Record<'_>),
    ) -> io::Result<()> {
        let places: Vec<(u32, bool, u64, u64)> = {
            let segments = self.shared.segments();
            segments.iter().filter_map(|segment| place(segment, kind, lane, range)).collect()
        };
        for (number, is_sealed, from, to) in places {
            let bytes = self.read(number, from, (to - from) as usize)?;
            let mut scan = Scan::new(&bytes, seed(&self.shared.id, number), 0, 0);
            while let Some((_, record)) = scan.next() {
                let covers = record.range().start < range.end && record.range().end > range.start;
                if (record.kind, record.lane) == (kind, lane) && covers {
                    self.unsealed(is_sealed, &record, &mut take);
                }
            }
        }
        Ok(())
    }

    /// Hands out all control and sticky records, in the order in which they were written. Sticky ones come again with
    /// every segment. What turns out damaged is left out.
    pub fn control(&self, mut take: impl FnMut(&Record<'_>)) -> io::Result<()> {
        self.control_where(|landmark| landmark.kind >= 64, &mut take)
    }

    /// The same of one kind, without reading the others.
    pub fn control_of_kind(&self, kind: u8, mut take: impl FnMut(&Record<'_>)) -> io::Result<()> {
        self.control_where(|landmark| landmark.kind == kind, &mut take)
    }

    fn control_where(
        &self,
        wanted: impl Fn(&Landmark) -> bool,
        take: &mut impl FnMut(&Record<'_>),
    ) -> io::Result<()> {
        let offsets = |segment: &Segment| {
            let control = segment.index.landmarks.iter().filter(|landmark| wanted(landmark));
            let offsets: Vec<u32> = control.map(|landmark| landmark.offset).collect();
            ((segment.number, segment.is_sealed), offsets)
        };
        let segments: Vec<_> = self.shared.segments().iter().map(offsets).collect();
        for (segment, offsets) in segments {
            self.records_at(segment, &offsets, take)?;
        }
        Ok(())
    }

    /// The last sticky record of each kind and lane.
    pub fn sticky(&self) -> io::Result<StickyRecords> {
        let mut sticky = StickyRecords::new();
        let mut keep = |record: &Record<'_>| {
            if record.is_sticky() {
                sticky.insert((record.kind, record.lane), StickyRecord::from(*record));
            }
        };
        // The last segment has them all, if it is whole; of each, the last one counts.
        let last = self.shared.segments().last().map(|segment| {
            let landmarks = segment.index.landmarks.iter();
            let of_each: BTreeMap<(u8, u32), u32> = landmarks
                .filter(|landmark| (128..192).contains(&landmark.kind))
                .map(|landmark| ((landmark.kind, landmark.lane), landmark.offset))
                .collect();
            let mut offsets: Vec<u32> = of_each.into_values().collect();
            offsets.sort_unstable();
            ((segment.number, segment.is_sealed), offsets)
        });
        let damaged = |last: u32| self.shared.damage.iter().any(|damage| damage.segment == last);
        match last {
            Some((last, offsets)) if !damaged(last.0) && self.records_at(last, &offsets, &mut keep)? => {}
            _ => self.control(keep)?,
        }
        Ok(sticky)
    }

    /// The records at these places of a segment; says whether all of them are whole.
    fn records_at(
        &self,
        (number, is_sealed): (u32, bool),
        offsets: &[u32],
        take: &mut impl FnMut(&Record<'_>),
    ) -> io::Result<bool> {
        if offsets.is_empty() {
            return Ok(true);
        }
        let seed = seed(&self.shared.id, number);
        let file = self.shared.disk.open(&segment::path(&self.shared.dir, number), false)?;
        let mut window = Window { file: &*file, at: 0, bytes: Vec::new() };
        let mut whole = true;
        for &offset in offsets {
            match window.record(offset)?.and_then(|bytes| decode(bytes, seed)) {
                Some(parsed) => whole &= self.unsealed(is_sealed, &parsed.record, take),
                None => whole = false,
            }
        }
        Ok(whole)
    }

    /// Hands out a record, opened where it is sealed. Says whether it could be.
    fn unsealed(&self, is_sealed: bool, record: &Record<'_>, take: &mut impl FnMut(&Record<'_>)) -> bool {
        if !is_sealed {
            take(record);
            return true;
        }
        let opened = self.shared.key.as_ref().and_then(|key| key.open(&self.shared.id, record));
        let Some(payload) = opened else { return false };
        take(&Record { payload: &payload, ..*record });
        true
    }

    fn read(&self, number: u32, from: u64, len: usize) -> io::Result<Vec<u8>> {
        let file = self.shared.disk.open(&segment::path(&self.shared.dir, number), false)?;
        segment::read(&*file, from, len)
    }
}

impl Shared {
    pub(super) fn segments(&self) -> MutexGuard<'_, Vec<Segment>> {
        // What is in it is whole between any two statements.
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where in a segment the records lie that cover any of `range`.
fn place(segment: &Segment, kind: u8, lane: u32, range: &Range<u64>) -> Option<(u32, bool, u64, u64)> {
    let index = &segment.index;
    let overlaps = |from: u64, to: u64| from < range.end && to > range.start;
    let has = index.runs.iter().any(|run| (run.kind, run.lane) == (kind, lane) && overlaps(run.from, run.to));
    let from = u64::from(index.start_of(kind, lane, range.start).filter(|_| has)?);
    let behind = index
        .landmarks
        .iter()
        .find(|landmark| (landmark.kind, landmark.lane) == (kind, lane) && landmark.from >= range.end);
    let to = behind.map_or(segment.size, |landmark| u64::from(landmark.offset));
    (from < to).then_some((segment.number, segment.is_sealed, from, to))
}

/// A piece of a segment, so that records near each other are read at once.
struct Window<'a> {
    file: &'a dyn DiskFile,
    at: u32,
    bytes: Vec<u8>,
}

impl Window<'_> {
    const BYTES: usize = 8 * 1024;

    /// The bytes from `offset` on, with the whole record that starts there if there is one.
    fn record(&mut self, offset: u32) -> io::Result<Option<&[u8]>> {
        let whole = |bytes: &[u8]| super::format::claimed_len(bytes).is_some_and(|len| bytes.len() >= len);
        let known = offset.checked_sub(self.at).and_then(|skip| self.bytes.get(skip as usize..));
        if !known.is_some_and(whole) {
            self.at = offset;
            self.bytes = segment::read(self.file, u64::from(offset), Self::BYTES)?;
            if let Some(len) = super::format::claimed_len(&self.bytes).filter(|len| *len > self.bytes.len()) {
                self.bytes = segment::read(self.file, u64::from(offset), len)?;
            }
        }
        Ok(self.bytes.get((offset - self.at) as usize..))
    }
}

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::format::{
    FOOTER, LogId, MAX_PAYLOAD_BYTES, MAX_SEGMENT_RECORDS, Record, SEALED_VERSION, SegmentHeader,
    StickyRecord, StickyRecords, VERSION, encode, encode_trailer, seed,
};
use super::index::Index;
use super::reader::{Log, Shared};
use super::seal::{OVERHEAD, RecordingKey};
use super::segment::{Segment, path};
use super::sync::{Syncer, Target};
use crate::journal::disk::{Disk, DiskFile};

/// Appends to a log. The only one that does.
///
/// When a write fails, nothing that was written before is damaged: what is half written is cut off, and later records
/// go to a segment of their own. Until the disk takes records again they are refused; it is tried again on the first
/// append after [`LogLimits::retry`].
#[derive(Debug)]
pub struct LogWriter {
    log: Log,
    limits: LogLimits,
    target: Arc<Target>,
    open: Option<Open>,
    next_segment: u32,
    next_record: u64,
    sticky: StickyRecords,
    /// Where the next bulk record of a lane may start.
    bulk_next: BTreeMap<(u8, u32), u64>,
    retry_at: Option<Instant>,
    trouble: Option<io::Error>,
    buffer: Vec<u8>,
    /// Where the records of one write begin.
    offsets: Vec<u32>,
}

/// When a segment is closed and the next begun, and how soon a disk that failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    pub segment_bytes: u32,
    pub segment_age: Duration,
    pub retry: Duration,
}

/// Why a record was not written.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The disk refused it, or lost what was written before; the cause says why. The caller keeps the record.
    #[error("the journal cannot be written: {0}")]
    Disk(#[source] io::Error),
    /// The disk refused an earlier one, and is not asked again yet.
    #[error("the journal waits for its disk")]
    Suspended,
    /// Split it: a payload has 256 KiB at most.
    #[error("a record of {0} bytes is too large")]
    TooLarge(usize),
    /// Bulk records are written in order: this one starts before the last one ended.
    #[error("a record from {from} on comes after one up to {next}")]
    OutOfOrder { from: u64, next: u64 },
}

#[derive(Debug)]
struct Open {
    file: Arc<dyn DiskFile>,
    seed: u32,
    since: Instant,
    /// Bytes of whole records.
    size: u64,
    seq: u32,
}

impl Default for LogLimits {
    /// 4 MiB or 10 minutes: what a crash leaves to be read through; a second, well under the 2 s in which a journal
    /// is on disk again.
    fn default() -> Self {
        Self { segment_bytes: 4 << 20, segment_age: Duration::from_mins(10), retry: Duration::from_secs(1) }
    }
}

impl LogWriter {
    /// A new log in `dir`, which is made if it is not there. Nothing is written before the first record.
    pub fn create(disk: Arc<dyn Disk>, dir: PathBuf, id: LogId, limits: LogLimits, syncer: &Syncer) -> Self {
        Self::create_with(disk, dir, id, limits, syncer, None)
    }

    /// The same, sealed if there is a key.
    pub(in crate::journal) fn create_with(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        id: LogId,
        limits: LogLimits,
        syncer: &Syncer,
        key: Option<RecordingKey>,
    ) -> Self {
        Self::on(Log::empty(disk, dir, id, key), BTreeMap::new(), limits, syncer)
    }

    /// Goes on with a log that was opened with `repair`, in a new segment.
    pub fn resume(log: Log, limits: LogLimits, syncer: &Syncer) -> io::Result<Self> {
        let sticky = log.sticky()?;
        let mut writer = Self::on(log, sticky, limits, syncer);
        let segments = writer.log.shared.segments();
        writer.next_segment = segments.last().map_or(0, |last| last.number + 1);
        writer.next_record =
            segments.iter().map(|last| last.first_record + u64::from(last.records)).max().unwrap_or(0);
        for run in segments.iter().flat_map(|segment| &segment.index.runs).filter(|run| run.kind < 64) {
            let next = writer.bulk_next.entry((run.kind, run.lane)).or_default();
            *next = run.to.max(*next);
        }
        drop(segments);
        Ok(writer)
    }

    fn on(log: Log, sticky: StickyRecords, limits: LogLimits, syncer: &Syncer) -> Self {
        let target = syncer.target(Arc::clone(&log.shared.disk), log.shared.dir.clone());
        Self {
            log,
            limits,
            target,
            open: None,
            next_segment: 0,
            next_record: 0,
            sticky,
            bulk_next: BTreeMap::new(),
            retry_at: None,
            trouble: None,
            buffer: Vec::new(),
            offsets: Vec::new(),
        }
    }

    /// The log as it is written.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Whether the disk took the last record, and has not lost one since.
    pub fn is_writing(&self) -> bool {
        self.retry_at.is_none()
    }

    /// Writes a record; it is with the operating system on return, and durable within a second.
    ///
    /// A sticky record that is refused is kept, and written with the next segment.
    pub fn append(&mut self, record: Record<'_>, now: Instant) -> Result<(), AppendError> {
        let sealed = if self.log.shared.key.is_some() { OVERHEAD } else { 0 };
        if record.payload.len() + sealed > MAX_PAYLOAD_BYTES {
            return Err(AppendError::TooLarge(record.payload.len()));
        }
        let key = (record.kind, record.lane);
        if record.is_bulk()
            && let Some(next) = self.bulk_next.get(&key).copied().filter(|next| record.from < *next)
        {
            return Err(AppendError::OutOfOrder { from: record.from, next });
        }
        let is_known = record.is_sticky() && {
            let value = StickyRecord::from(record);
            self.sticky.insert(key, value.clone()) == Some(value)
        };
        let begun = self.ready(now, 1)?;
        // A segment that was just begun starts with the sticky records.
        if !record.is_sticky() || !is_known && !begun {
            self.write(&[record], now)?;
        }
        if record.is_bulk() {
            self.bulk_next.insert(key, record.range().end);
        }
        Ok(())
    }

    /// Writes bulk records of one kind and lane in one go: all of them, or none. As [`LogWriter::append`] each.
    pub fn append_bulk(&mut self, records: &[Record<'_>], now: Instant) -> Result<(), AppendError> {
        let sealed = if self.log.shared.key.is_some() { OVERHEAD } else { 0 };
        let Some(first) = records.first() else { return Ok(()) };
        let key = (first.kind, first.lane);
        let mut next = self.bulk_next.get(&key).copied().unwrap_or(0);
        for record in records {
            if record.payload.len() + sealed > MAX_PAYLOAD_BYTES {
                return Err(AppendError::TooLarge(record.payload.len()));
            }
            if record.from < next || (record.kind, record.lane) != key || !record.is_bulk() {
                return Err(AppendError::OutOfOrder { from: record.from, next });
            }
            next = record.range().end;
        }
        self.ready(now, records.len())?;
        self.write(records, now)?;
        self.bulk_next.insert(key, next);
        Ok(())
    }

    /// What the disk did since this was last asked, though it may be well again: what was written before is not sure
    /// to be there.
    pub fn take_trouble(&mut self) -> Option<io::Error> {
        self.trouble.take()
    }

    /// Closes the segment, makes everything durable, and says whether it is.
    pub fn finish(mut self) -> io::Result<()> {
        self.close_segment();
        self.target.sync();
        self.target.take_failure().map_or(Ok(()), Err)
    }

    /// Sees to it that there is a segment to write so many records to; says whether it was begun just now.
    fn ready(&mut self, now: Instant, records: usize) -> Result<bool, AppendError> {
        if let Some(cause) = self.target.take_failure() {
            // Nothing is known of the open segment any more; what is there will be read.
            self.target.closed();
            self.open = None;
            self.forget_vanished();
            self.trouble = Some(cause);
            self.retry_at = None;
        }
        if self.retry_at.is_some_and(|at| now < at) {
            return Err(AppendError::Suspended);
        }
        let full = self.open.as_ref().is_some_and(|open| {
            open.size >= u64::from(self.limits.segment_bytes)
                || now.saturating_duration_since(open.since) >= self.limits.segment_age
                || open.seq as usize + records >= MAX_SEGMENT_RECORDS as usize
        });
        if full {
            self.close_segment();
        }
        if self.open.is_some() {
            return Ok(false);
        }
        self.begin_segment(now).map_err(|error| {
            self.retry_at = Some(now + self.limits.retry);
            AppendError::Disk(error)
        })?;
        self.retry_at = None;
        Ok(true)
    }

    fn write(&mut self, records: &[Record<'_>], now: Instant) -> Result<(), AppendError> {
        let Some(open) = &mut self.open else { return Err(AppendError::Suspended) };
        self.buffer.clear();
        self.offsets.clear();
        for (seq, record) in (open.seq..).zip(records) {
            self.offsets.push(open.size as u32 + self.buffer.len() as u32);
            encode_sealed(&self.log.shared, record, open.seed, seq, &mut self.buffer);
        }
        if let Err(error) = write_all(&*open.file, &self.buffer) {
            // If the rest cannot be cut off either, a reader skips it.
            let _ = open.file.truncate(open.size);
            self.open = None;
            self.target.closed();
            self.retry_at = Some(now + self.limits.retry);
            return Err(AppendError::Disk(error));
        }
        open.size += self.buffer.len() as u64;
        open.seq += records.len() as u32;
        self.next_record += records.len() as u64;
        if let Some(segment) = self.log.shared.segments().last_mut() {
            for (record, offset) in records.iter().zip(&self.offsets) {
                segment.index.add(record, *offset);
            }
            (segment.size, segment.records) = (open.size, open.seq);
        }
        self.target.wrote();
        Ok(())
    }

    fn begin_segment(&mut self, now: Instant) -> io::Result<()> {
        let (file, number) = self.create_file()?;
        let (id, file_path) = (self.log.shared.id, path(&self.log.shared.dir, number));
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let created_ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        let first_record = self.next_record;
        let key = self.log.shared.key.as_ref().map_or(0, RecordingKey::id);
        let version = if key == 0 { VERSION } else { SEALED_VERSION };
        let header = SegmentHeader { version, log: id, number, first_record, created_ms, key };
        let (seed, mut seq, mut index) = (seed(&id, number), 0, Index::default());
        self.buffer.clear();
        header.encode(&mut self.buffer);
        for ((kind, lane), sticky) in &self.sticky {
            let record = sticky.record(*kind, *lane);
            index.add(&record, self.buffer.len() as u32);
            encode_sealed(&self.log.shared, &record, seed, seq, &mut self.buffer);
            seq += 1;
        }
        if let Err(error) = write_all(&*file, &self.buffer) {
            // An empty segment says nothing; nor does half a head, if it cannot be removed.
            let _ = file.truncate(0);
            let _ = self.log.shared.disk.remove_file(&file_path);
            return Err(error);
        }
        self.next_segment = number + 1;
        self.next_record += u64::from(seq);
        let size = self.buffer.len() as u64;
        let segment =
            Segment { number, first_record, records: seq, created_ms, size, is_sealed: key != 0, index };
        self.log.shared.segments().push(segment);
        let file: Arc<dyn DiskFile> = Arc::from(file);
        self.target.opened(Arc::clone(&file), file_path);
        self.target.wrote();
        self.open = Some(Open { file, seed, since: now, size, seq });
        Ok(())
    }

    fn create_file(&self) -> io::Result<(Box<dyn DiskFile>, u32)> {
        let (disk, dir) = (&self.log.shared.disk, &self.log.shared.dir);
        let mut number = self.next_segment;
        loop {
            match disk.create(&path(dir, number)) {
                Ok(file) => return Ok((file, number)),
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && number < self.next_segment + 100 =>
                {
                    number += 1;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    disk.create_dir(dir)?;
                    return disk.create(&path(dir, number)).map(|file| (file, number));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds the footer, if it finds room; without it, the segment is read through instead.
    fn close_segment(&mut self) {
        let Some(open) = self.open.take() else { return };
        let index =
            self.log.shared.segments().last().map(|segment| segment.index.encode()).unwrap_or_default();
        if index.len() <= MAX_PAYLOAD_BYTES {
            let footer = Record { kind: FOOTER, lane: 0, from: 0, count: 0, payload: &index };
            self.buffer.clear();
            encode(&footer, open.seed, open.seq, &mut self.buffer);
            encode_trailer(open.size, open.seed, &mut self.buffer);
            if write_all(&*open.file, &self.buffer).is_err() {
                let _ = open.file.truncate(open.size);
            }
        }
        self.target.closed();
    }

    /// Segments that are not there any more do not cover anything.
    fn forget_vanished(&self) {
        let shared = &self.log.shared;
        let vanished = |number| {
            let opened = shared.disk.open(&path(&shared.dir, number), false);
            opened.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        shared.segments().retain(|segment| !vanished(segment.number));
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.close_segment();
        self.target.leave();
    }
}

/// Appends a record to `out`, sealed if there is a key.
fn encode_sealed(log: &Shared, record: &Record<'_>, seed: u32, seq: u32, out: &mut Vec<u8>) {
    let Some(key) = &log.key else { return encode(record, seed, seq, out) };
    // The cipher refuses nothing of this size; if it did, the record would be there and say nothing.
    let payload = key.seal(&log.id, record).unwrap_or_default();
    encode(&Record { payload: &payload, ..*record }, seed, seq, out);
}

fn write_all(file: &dyn DiskFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.append(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

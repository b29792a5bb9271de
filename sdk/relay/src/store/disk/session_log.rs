use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as StdInstant};

use glasslink_audio::journal::log::{AppendError, Log, LogWriter, Record};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::store::disk::records::FRAMES;

/// How soon a disk that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Frames are written in one go with those that come within this time: a write costs as much as ten messages' bytes. What
/// is kept is told up to 300 ms after that (500 ms in all).
const GATHER: Duration = Duration::from_millis(200);

/// When something comes this long after the first of them they are written along with it, so that no timer fires for a
/// stream that is live.
const GATHER_ALONG: Duration = Duration::from_millis(140);

/// More than a second of everything is not gathered.
const GATHER_BYTES: usize = 32 << 10;

/// Writes a session's records in order. What the disk refuses waits here until it takes it.
pub(super) struct SessionLog {
    writer: LogWriter,
    /// Frames of one stream that are written together.
    gathered: Gathered,
    /// Streams whose gathered frames were written, and up to where.
    written: Vec<(u32, u64)>,
    waiting: VecDeque<Waiting>,
    retry_at: Option<Instant>,
    /// How many logs of the relay have one that waits.
    troubled: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Gathered {
    lane: u32,
    /// From, count and the bytes in `bytes`.
    records: Vec<(u64, u32, usize)>,
    bytes: Vec<u8>,
    since: Option<Instant>,
}

struct Waiting {
    kind: u8,
    lane: u32,
    from: u64,
    count: u32,
    payload: Vec<u8>,
}

impl Waiting {
    fn record(&self) -> Record<'_> {
        let Self { kind, lane, from, count, payload } = self;
        Record { kind: *kind, lane: *lane, from: *from, count: *count, payload }
    }
}

impl From<&Record<'_>> for Waiting {
    fn from(record: &Record<'_>) -> Self {
        let Record { kind, lane, from, count, payload } = *record;
        Self { kind, lane, from, count, payload: payload.to_vec() }
    }
}

impl SessionLog {
    /// `troubled`: how many logs wait for the disk.
    pub(super) fn new(writer: LogWriter, troubled: Arc<AtomicUsize>) -> Self {
        Self {
            writer,
            gathered: Gathered::default(),
            written: Vec::new(),
            waiting: VecDeque::new(),
            retry_at: None,
            troubled,
        }
    }

    pub(super) fn log(&self) -> &Log {
        self.writer.log()
    }

    /// Frames of a stream, in a moment: [`SessionLog::write_gathered`].
    pub(super) fn gather(&mut self, lane: u32, from: u64, count: u32, body: &[u8]) {
        let full = self.gathered.bytes.len() + body.len() > GATHER_BYTES;
        if full || (lane != self.gathered.lane && !self.gathered.records.is_empty()) {
            self.gathered_out();
        }
        self.gathered.lane = lane;
        self.gathered.records.push((from, count, body.len()));
        self.gathered.bytes.extend_from_slice(body);
        self.gathered.since.get_or_insert_with(Instant::now);
    }

    /// When [`SessionLog::write_gathered`] is due.
    pub(super) fn gathered_due(&self) -> Option<Instant> {
        self.gathered.since.map(|since| since + GATHER)
    }

    /// Writes the frames that waited long enough for others.
    pub(super) fn write_gathered(&mut self) {
        if self.gathered.since.is_some_and(|since| since.elapsed() >= GATHER_ALONG) {
            self.gathered_out();
        }
    }

    /// Up to where the frames of a stream are written that were gathered; told once.
    pub(super) fn take_written(&mut self) -> impl Iterator<Item = (u32, u64)> {
        std::mem::take(&mut self.written).into_iter()
    }

    fn gathered_out(&mut self) {
        let mut gathered = std::mem::take(&mut self.gathered);
        let lane = gathered.lane;
        let mut rest = gathered.bytes.as_slice();
        let record = |(from, count, bytes): &(u64, u32, usize)| {
            let (payload, after) = rest.split_at(*bytes);
            rest = after;
            Record { kind: FRAMES, lane, from: *from, count: *count, payload }
        };
        let records: Vec<Record<'_>> = gathered.records.iter().map(record).collect();
        let Some(end) = records.last().map(|last| last.range().end) else { return };
        if self.waiting.is_empty() && self.write(&records) {
            self.written.push((lane, end));
        } else {
            self.waiting.extend(records.iter().map(Waiting::from));
        }
        // Its room is used again.
        gathered.records.clear();
        gathered.bytes.clear();
        gathered.since = None;
        self.gathered = gathered;
    }

    /// Whether the record is written; if not, it will be, once the disk takes it and those before it.
    pub(super) fn put(&mut self, record: &Record<'_>) -> bool {
        self.gathered_out();
        if self.waiting.is_empty() && self.write(&[*record]) {
            return true;
        }
        self.waiting.push_back(Waiting::from(record));
        false
    }

    pub(super) fn put_json(&mut self, kind: u8, lane: u32, from: u64, value: &impl serde::Serialize) {
        // What is given here has string keys and finite numbers.
        let payload = serde_json::to_vec(value).unwrap_or_default();
        self.put(&Record { kind, lane, from, count: 0, payload: &payload });
    }

    /// When [`SessionLog::retry`] is due.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Writes what waits, as far as the disk takes it; `written` hears of each record.
    pub(super) fn retry(&mut self, mut written: impl FnMut(&Record<'_>)) {
        if self.retry_at.is_none_or(|at| Instant::now() < at) {
            return;
        }
        while let Some(next) = self.waiting.pop_front() {
            if !self.write(&[next.record()]) {
                self.waiting.push_front(next);
                return;
            }
            written(&next.record());
        }
        info!("the disk takes the session again");
        self.retry_at = None;
        self.troubled.fetch_sub(1, Ordering::Relaxed);
    }

    fn retry_later(&mut self) {
        if self.retry_at.replace(Instant::now() + RETRY).is_none() {
            self.troubled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether that was the end of it: written, or never to be written.
    fn write(&mut self, records: &[Record<'_>]) -> bool {
        let result = match records {
            [record] => self.writer.append(*record, StdInstant::now()),
            records => self.writer.append_bulk(records, StdInstant::now()),
        };
        if let Some(cause) = self.writer.take_trouble() {
            error!(%cause, "the disk may have lost what was written in the last second");
        }
        match result {
            Ok(()) => true,
            Err(AppendError::Disk(cause)) => {
                if self.retry_at.is_none() {
                    warn!(%cause, "the disk does not take the session; it is held in memory");
                }
                self.retry_later();
                false
            }
            Err(AppendError::Suspended) => {
                self.retry_later();
                false
            }
            // Neither can be: messages are smaller, and come in order.
            Err(cause @ (AppendError::TooLarge(_) | AppendError::OutOfOrder { .. })) => {
                let (kind, lane) = records.first().map_or((0, 0), |first| (first.kind, first.lane));
                error!(%cause, kind, lane, "a record was not written");
                true
            }
        }
    }
}

impl Drop for SessionLog {
    fn drop(&mut self) {
        self.gathered_out();
        if self.retry_at.is_some() {
            self.troubled.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

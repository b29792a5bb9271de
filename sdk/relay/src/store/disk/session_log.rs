use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as StdInstant};

use glasslink_audio::journal::log::{AppendError, Log, LogWriter, Record};
use tokio::time::Instant;
use tracing::{error, info, warn};

/// How soon a disk that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Writes a session's records in order. What the disk refuses waits here until it takes it.
pub(super) struct SessionLog {
    writer: LogWriter,
    waiting: VecDeque<Waiting>,
    retry_at: Option<Instant>,
    /// How many logs of the relay have one that waits.
    troubled: Arc<AtomicUsize>,
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
        Self { writer, waiting: VecDeque::new(), retry_at: None, troubled }
    }

    pub(super) fn log(&self) -> &Log {
        self.writer.log()
    }

    /// Whether the record is written; if not, it will be, once the disk takes it and those before it.
    pub(super) fn put(&mut self, record: &Record<'_>) -> bool {
        if self.waiting.is_empty() && self.write(record) {
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
            if !self.write(&next.record()) {
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
    fn write(&mut self, record: &Record<'_>) -> bool {
        let result = self.writer.append(*record, StdInstant::now());
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
                error!(%cause, kind = record.kind, lane = record.lane, "a record was not written");
                true
            }
        }
    }
}

impl Drop for SessionLog {
    fn drop(&mut self) {
        if self.retry_at.is_some() {
            self.troubled.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

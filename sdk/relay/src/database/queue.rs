use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::counter;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// What is to be written. It may be run again, when the transaction it was part of failed.
pub(super) type Work = Box<dyn FnMut(&Connection) -> rusqlite::Result<()> + Send>;

pub(super) enum Job {
    /// Hears whether it was refused. An answer that was asked for is given when it is committed.
    Work { bytes: usize, work: Work, done: Option<oneshot::Sender<rusqlite::Result<()>>> },
    /// Nothing of what was deleted before stays in the files.
    Scrub(oneshot::Sender<rusqlite::Result<()>>),
    /// A reader found the file damaged.
    Suspect,
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Work { bytes, .. } => bytes + size_of::<Self>(),
            Self::Scrub(_) | Self::Suspect => size_of::<Self>(),
        }
    }
}

/// What waits for the writer: bounded, the oldest goes first.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: usize,
    dropped: u64,
    closed: bool,
}

/// Events of 1,000 sessions for ten minutes, ...
pub(super) const MOST_JOBS: usize = 100_000;

/// ... and their words.
pub(super) const MOST_BYTES: usize = 32 << 20;

/// Jobs that share a transaction.
const BATCH: usize = 512;

impl Queue {
    /// Whether nothing had to go for it.
    pub(super) fn push(&self, job: Job) -> bool {
        let mut state = self.lock();
        if state.closed {
            return true;
        }
        state.bytes += job.bytes();
        state.jobs.push_back(job);
        let dropped = state.trim();
        drop(state);
        self.changed.notify_one();
        dropped == 0
    }

    /// The oldest; waits for them up to `patience`. `None` when no more will come.
    pub(super) fn take(&self, patience: Duration) -> Option<Vec<Job>> {
        let until = Instant::now() + patience;
        let mut state = self.lock();
        while state.jobs.is_empty() && !state.closed && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.jobs.is_empty() {
            return if state.closed { None } else { Some(Vec::new()) };
        }
        let count = state.jobs.len().min(BATCH);
        let taken: Vec<Job> = state.jobs.drain(..count).collect();
        state.bytes -= taken.iter().map(Job::bytes).sum::<usize>();
        if state.jobs.is_empty() {
            state.jobs.shrink_to(1024);
        }
        Some(taken)
    }

    /// Puts back what was not written, where it was; `true` if nothing had to go.
    pub(super) fn put_back(&self, jobs: Vec<Job>) -> bool {
        let mut state = self.lock();
        for job in jobs.into_iter().rev() {
            state.bytes += job.bytes();
            state.jobs.push_front(job);
        }
        state.trim() == 0
    }

    /// Waits up to `pause`, less if no more will come; says whether more will.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut state = self.lock();
        while !state.closed && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        !state.closed
    }

    /// No more will come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many had to go.
    fn trim(&mut self) -> u64 {
        let before = self.dropped;
        while self.jobs.len() > MOST_JOBS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.jobs.pop_front() else { break };
            self.bytes -= oldest.bytes();
            self.dropped += 1;
        }
        let dropped = self.dropped - before;
        if dropped > 0 {
            counter!("glasslink_relay_database_dropped_total").increment(dropped);
        }
        dropped
    }
}

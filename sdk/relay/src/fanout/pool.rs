use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::{mem, thread};

use glasslink_protocol::{ClosedReason, StreamId, SubscriptionId};
use tracing::{debug, error};

use super::audience::Audience;
use super::decoding::Decoding;
use super::told::{Opened, Subscriber, Told};
use crate::doors::app::Outbox;

/// Threads that decode for apps, one a core. A session is always on the same one, so that its frames stay in order.
///
/// None is started before somebody wants samples.
#[derive(Default)]
pub(crate) struct DecodePool {
    workers: OnceLock<Vec<Sender<Job>>>,
    sessions: AtomicU64,
}

/// A session in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seat(u64);

pub(super) enum Job {
    Join { seat: Seat, listener: Subscriber, streams: Vec<Opened> },
    Told { seat: Seat, told: Vec<Told>, notes: Arc<Notes> },
    Leave { seat: Seat, outbox: Arc<Outbox>, subscription: SubscriptionId },
    Close { seat: Seat, reason: Option<ClosedReason> },
}

/// What a worker and a session say to each other while neither waits.
#[derive(Default)]
pub(super) struct Notes {
    /// Jobs of the session that wait.
    pub(super) waiting: AtomicUsize,
    /// There is something in `undecodable`.
    pub(super) noted: AtomicBool,
    pub(super) undecodable: Mutex<Vec<StreamId>>,
}

impl DecodePool {
    pub(super) fn seat(&self) -> Seat {
        Seat(self.sessions.fetch_add(1, Ordering::Relaxed))
    }

    /// Never waits. Whether the job will be done.
    pub(super) fn give(&self, seat: Seat, job: Job) -> bool {
        let workers = self.workers.get_or_init(start);
        match workers.get(seat.0 as usize % workers.len().max(1)) {
            Some(worker) => worker.send(job).is_ok(),
            None => false,
        }
    }
}

fn start() -> Vec<Sender<Job>> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let worker = |number: usize| {
        let (jobs, to_do) = channel();
        let builder = thread::Builder::new().name(format!("decode-{number}"));
        match builder.spawn(move || work(&to_do)) {
            Ok(_) => Some(jobs),
            Err(error) => {
                error!(%error, "a decoding thread cannot be started");
                None
            }
        }
    };
    let workers: Vec<_> = (0..cores).filter_map(worker).collect();
    debug!(workers = workers.len(), "decoding for apps");
    workers
}

/// Until nobody is left who gives jobs.
fn work(jobs: &Receiver<Job>) {
    let mut sessions = HashMap::new();
    while let Ok(job) = jobs.recv() {
        let (Job::Join { seat, .. }
        | Job::Told { seat, .. }
        | Job::Leave { seat, .. }
        | Job::Close { seat, .. }) = job;
        if catch_unwind(AssertUnwindSafe(|| one(&mut sessions, job))).is_err() {
            // Decoders are guarded; this is a bug of ours, and costs one session's apps their samples.
            error!("decoding for apps failed");
            if let Some(mut session) = sessions.remove(&seat) {
                session.audience.close(ClosedReason::Failed);
            }
        }
    }
}

#[derive(Default)]
struct Session {
    audience: Audience,
    streams: HashMap<StreamId, Decoding>,
}

fn one(sessions: &mut HashMap<Seat, Session>, job: Job) {
    match job {
        Job::Join { seat, listener, streams } => {
            let session = sessions.entry(seat).or_default();
            for opened in streams {
                session.open(&opened);
            }
            let next = |stream| session.streams.get(&stream).map(Decoding::next);
            session.audience.join(listener, next);
        }
        Job::Told { seat, told, notes } => {
            notes.waiting.fetch_sub(1, Ordering::Relaxed);
            if let Some(session) = sessions.get_mut(&seat) {
                session.tell(told, &notes);
            }
        }
        Job::Leave { seat, outbox, subscription } => {
            let Some(session) = sessions.get_mut(&seat) else { return };
            session.audience.leave(|listener| listener.is(&outbox, subscription));
            outbox.deliver(|queue| queue.forget(subscription));
        }
        Job::Close { seat, reason } => {
            let session = sessions.remove(&seat);
            if let Some((mut session, reason)) = session.zip(reason) {
                session.audience.close(reason);
            }
        }
    }
}

impl Session {
    fn open(&mut self, opened: &Opened) -> Opened {
        let (decoding, as_samples) = Decoding::new(opened);
        self.streams.entry(opened.stream).or_insert(decoding);
        self.audience.opened(as_samples.clone());
        as_samples
    }

    fn tell(&mut self, told: Vec<Told>, notes: &Notes) {
        let mut out = Vec::with_capacity(told.len());
        for one in told {
            match one {
                Told::Opened(opened) => {
                    let as_samples = self.open(&opened);
                    out.push(Told::Opened(Box::new(as_samples)));
                }
                Told::Frames { stream, first, count, body } => {
                    let Some(decoding) = self.streams.get_mut(&stream) else { continue };
                    decoding.frames(first, count, &body, &mut out);
                    if decoding.take_undecodable() {
                        notes.undecodable.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
                        notes.noted.store(true, Ordering::Release);
                    }
                }
                Told::Gap(gap) => {
                    if let Some(decoding) = self.streams.get_mut(&gap.stream) {
                        decoding.gap(&gap, &mut out);
                    }
                }
                Told::Missed { stream, to, .. } => {
                    if let Some(decoding) = self.streams.get_mut(&stream) {
                        decoding.missed(to, &mut out);
                    }
                }
                Told::Ended { stream, at } => {
                    if let Some(mut decoding) = self.streams.remove(&stream) {
                        decoding.ended(at, &mut out);
                    }
                }
            }
        }
        self.audience.tell(&out);
    }
}

impl Notes {
    pub(super) fn take_undecodable(&self) -> Vec<StreamId> {
        if !self.noted.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        mem::take(&mut *self.undecodable.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

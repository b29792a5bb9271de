//! The threads that decode, shared fairly by all recognitions of an engine.

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::engine::{EngineError, EventSink, Recognition};
use crate::lane::{Done, Job, Lane, Urgency};
use crate::transcriber::{Transcriber, settle};

/// Makes one thread's transcriber. Called on that thread; may take seconds.
pub(crate) type Loader = dyn Fn() -> Result<Box<dyn Transcriber>, EngineError> + Send + Sync;

/// Running threads. They end when the last handle is dropped.
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    schedule: Mutex<Schedule>,
    /// Told whenever there may be work, or an end.
    work: Condvar,
    /// Told when the first transcriber is loaded, or will not be.
    loaded: Condvar,
    /// A final, or a likely one, waits for a thread: partials make way.
    urgent: AtomicBool,
    turns: AtomicU64,
}

#[derive(Default)]
struct Schedule {
    slots: Vec<Arc<Slot>>,
    /// Threads that wait for work.
    idle: usize,
    load: Option<Result<(), EngineError>>,
    closed: bool,
}

struct Slot {
    lane: Mutex<Lane>,
    sink: Mutex<EventSink>,
    busy: AtomicBool,
    /// Nobody waits for its text: it makes way for those that somebody waits for.
    background: bool,
    cancelled: AtomicBool,
    /// The turn it was last served in: who waited longest is next.
    served: AtomicU64,
}

/// The lowest is next: foreground before background, then the more urgent, then who waited longer.
type Rank = (bool, Urgency, u64);

impl Pool {
    pub(crate) fn start(threads: usize, loader: &Arc<Loader>) -> Self {
        let shared = Arc::new(Shared {
            schedule: Mutex::default(),
            work: Condvar::new(),
            loaded: Condvar::new(),
            urgent: AtomicBool::new(false),
            turns: AtomicU64::new(0),
        });
        for number in 0..threads {
            let (of_thread, loader) = (Arc::clone(&shared), Arc::clone(loader));
            let spawned = thread::Builder::new()
                .name(format!("glasslink-asr-{number}"))
                .spawn(move || of_thread.run(number == 0, &*loader));
            if let Err(error) = spawned {
                tracing::warn!(%error, number, "no thread for the speech engine");
                if number == 0 {
                    shared.set_loaded(Err(EngineError::Runtime { detail: error.to_string() }));
                }
            }
        }
        Self(shared)
    }

    /// Whether loading has failed: the pool will never work.
    pub(crate) fn failed(&self) -> bool {
        matches!(lock(&self.0.schedule).load, Some(Err(_)))
    }

    /// Waits until the first transcriber is loaded.
    pub(crate) fn wait(&self) -> Result<(), EngineError> {
        let schedule = lock(&self.0.schedule);
        let schedule = self
            .0
            .loaded
            .wait_while(schedule, |schedule| schedule.load.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        schedule.load.clone().unwrap_or(Ok(()))
    }

    pub(crate) fn open(
        self: &Arc<Self>,
        lane: Lane,
        background: bool,
        sink: EventSink,
    ) -> Box<dyn Recognition> {
        let slot = Arc::new(Slot {
            lane: Mutex::new(lane),
            sink: Mutex::new(sink),
            busy: AtomicBool::new(false),
            background,
            cancelled: AtomicBool::new(false),
            served: AtomicU64::new(0),
        });
        lock(&self.0.schedule).slots.push(Arc::clone(&slot));
        self.0.work.notify_one();
        Box::new(PooledRecognition { pool: Arc::clone(self), slot })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        lock(&self.0.schedule).closed = true;
        self.0.work.notify_all();
    }
}

struct PooledRecognition {
    pool: Arc<Pool>,
    slot: Arc<Slot>,
}

impl PooledRecognition {
    fn with_lane<T>(&self, change: impl FnOnce(&mut Lane) -> T) -> T {
        let (result, wanted) = {
            let mut lane = lock(&self.slot.lane);
            (change(&mut lane), lane.wants(Instant::now()))
        };
        if let Some(urgency) = wanted {
            // Through the lock, so that no thread is between looking and waiting.
            let schedule = lock(&self.pool.0.schedule);
            if schedule.idle == 0 && urgency.is_of_a_final() && !self.slot.background {
                self.pool.0.urgent.store(true, Ordering::Relaxed);
            }
            drop(schedule);
            self.pool.0.work.notify_one();
        }
        result
    }
}

impl Recognition for PooledRecognition {
    fn push(&mut self, pcm: &[i16]) -> usize {
        self.with_lane(|lane| lane.push(pcm))
    }

    fn skip(&mut self, samples: u64) {
        self.with_lane(|lane| lane.skip(samples));
    }

    fn finish(&mut self) {
        self.with_lane(Lane::finish);
    }

    fn pending(&self) -> u64 {
        lock(&self.slot.lane).pending()
    }
}

impl Drop for PooledRecognition {
    fn drop(&mut self) {
        self.slot.cancelled.store(true, Ordering::Relaxed);
        lock(&self.pool.0.schedule).slots.retain(|slot| !Arc::ptr_eq(slot, &self.slot));
    }
}

impl Shared {
    fn run(&self, first: bool, loader: &Loader) {
        if !first && self.wait_for_first().is_err() {
            return;
        }
        let mut transcriber = match loader() {
            Ok(transcriber) => transcriber,
            Err(error) => {
                tracing::warn!(%error, "speech engine not loaded");
                if first {
                    self.set_loaded(Err(error));
                }
                return;
            }
        };
        if first {
            self.set_loaded(Ok(()));
        }
        while let Some((slot, urgency, job)) = self.next() {
            let started = Instant::now();
            let done =
                catch_unwind(AssertUnwindSafe(|| self.work(&slot, urgency, job, &mut *transcriber, started)))
                    .unwrap_or_else(|_| {
                        Done::Failed(EngineError::Failed { detail: "the decoder panicked".to_owned() })
                    });
            if !slot.cancelled.load(Ordering::Relaxed) {
                let events = lock(&slot.lane).done(done, Instant::now());
                let mut sink = lock(&slot.sink);
                for event in events {
                    sink(event);
                }
            }
            slot.busy.store(false, Ordering::Release);
        }
    }

    fn wait_for_first(&self) -> Result<(), EngineError> {
        let schedule = self
            .loaded
            .wait_while(lock(&self.schedule), |schedule| schedule.load.is_none() && !schedule.closed)
            .unwrap_or_else(PoisonError::into_inner);
        schedule.load.clone().unwrap_or(Ok(()))
    }

    /// Lets go of who waits for the model. Those who opened a recognition meanwhile are told an error.
    fn set_loaded(&self, result: Result<(), EngineError>) {
        let mut schedule = lock(&self.schedule);
        let failed = result.clone().err();
        schedule.load = Some(result);
        let slots = schedule.slots.clone();
        drop(schedule);
        self.loaded.notify_all();
        for slot in slots {
            if let Some(error) = &failed {
                slot.fail(error);
            }
        }
    }

    /// Waits for work. `None` when the pool is closed.
    fn next(&self) -> Option<(Arc<Slot>, Urgency, Job)> {
        let mut schedule = lock(&self.schedule);
        loop {
            if schedule.closed {
                return None;
            }
            let now = Instant::now();
            let mut best: Option<(Rank, &Arc<Slot>)> = None;
            let mut urgent = 0;
            let mut later: Option<Instant> = None;
            for slot in schedule.slots.iter().filter(|slot| !slot.busy.load(Ordering::Acquire)) {
                let mut lane = lock(&slot.lane);
                let Some(urgency) = lane.wants(now) else {
                    later = [later, lane.wants_at()].into_iter().flatten().min();
                    continue;
                };
                urgent += usize::from(urgency.is_of_a_final() && !slot.background);
                let rank = (slot.background, urgency, slot.served.load(Ordering::Relaxed));
                if best.is_none_or(|(first, _)| rank < first) {
                    best = Some((rank, slot));
                }
            }
            if let Some(((background, urgency, _), slot)) = best {
                let left = urgent - usize::from(urgency.is_of_a_final() && !background);
                self.urgent.store(left > schedule.idle, Ordering::Relaxed);
                let slot = Arc::clone(slot);
                slot.busy.store(true, Ordering::Relaxed);
                if urgency != Urgency::Report {
                    slot.served.store(self.turns.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                }
                let job = lock(&slot.lane).job(urgency, now).unwrap_or(Job::Report);
                return Some((slot, urgency, job));
            }
            self.urgent.store(false, Ordering::Relaxed);
            schedule.idle += 1;
            schedule = match later.map(|at| at.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
            {
                Some(wait) => {
                    self.work.wait_timeout(schedule, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.work.wait(schedule).unwrap_or_else(PoisonError::into_inner),
            };
            schedule.idle -= 1;
        }
    }

    fn work(
        &self,
        slot: &Slot,
        urgency: Urgency,
        job: Job,
        transcriber: &mut dyn Transcriber,
        started: Instant,
    ) -> Done {
        match job {
            Job::Report => Done::Report,
            Job::Segment { segment, mut context } => {
                let stop = || {
                    slot.cancelled.load(Ordering::Relaxed)
                        || (slot.background && self.urgent.load(Ordering::Relaxed))
                        || !lock(&slot.lane).still_wants(urgency, segment.id, segment.end())
                };
                match settle(transcriber, &segment, &mut context, &stop) {
                    Ok(Some(text)) => Done::Segment { id: segment.id, end: segment.end(), text, context },
                    Ok(None) => Done::Stopped,
                    Err(error) => Done::Failed(error),
                }
            }
            Job::Partial { id, from, to, audio, waited } => {
                let stop = || {
                    slot.cancelled.load(Ordering::Relaxed)
                        || self.urgent.load(Ordering::Relaxed)
                        || !lock(&slot.lane).still_wants(urgency, id, 0)
                };
                match transcriber.transcribe(&audio, &[], &stop) {
                    Ok(Some(heard)) => {
                        let text = transcriber.text(&heard.tokens);
                        Done::Partial { id, from, to, text, took: waited + started.elapsed() }
                    }
                    Ok(None) => Done::Stopped,
                    Err(error) => Done::Failed(error),
                }
            }
        }
    }
}

impl Slot {
    fn fail(&self, error: &EngineError) {
        let events = lock(&self.lane).done(Done::Failed(error.clone()), Instant::now());
        let mut sink = lock(&self.sink);
        for event in events {
            sink(event);
        }
    }
}

/// A thread that panicked left nothing half done that matters here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

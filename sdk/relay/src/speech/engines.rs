use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glasslink_asr::{Engine, EngineError};
use glasslink_protocol::{EngineState, SpeechTo};
use metrics::{counter, gauge};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::breaker::Breaker;
use super::monitor::Monitor;
use super::status::EngineStatus;
use crate::identity::{Audit, AuditEvent, AuditNote};

/// The relay's speech engines, in order of preference, and how they are.
#[derive(Clone)]
pub(crate) struct Speech {
    engines: Arc<[Ranked]>,
    /// How the best of them is. Told of everything that may let a stream go on.
    pub(crate) status: watch::Receiver<EngineStatus>,
    changes: Arc<watch::Sender<EngineStatus>>,
    streams: Arc<AtomicU64>,
    audit: Audit,
    /// Whether the operator lets speech leave this machine at all.
    remote: bool,
}

/// One engine, and what stands between it and the streams.
pub(super) struct Ranked {
    pub(super) engine: Arc<dyn Engine>,
    condition: Mutex<Condition>,
    /// Told when the breaker opened.
    pub(super) opened: Notify,
}

struct Condition {
    breaker: Breaker,
    status: EngineStatus,
}

/// An engine as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EngineView {
    pub(crate) name: String,
    /// `None`: this machine.
    pub(crate) host: Option<String>,
    pub(crate) breaker: &'static str,
    pub(crate) status: EngineStatus,
}

/// What a stream knows of the engines.
pub(crate) trait Wants {
    /// A number of its own.
    fn key(&self) -> u64;
    /// Whether engine number `index` failed it a moment ago.
    fn avoids(&self, index: usize, now: Instant) -> bool;
}

impl Speech {
    /// Loads the engines, and watches over them until the relay stops. `remote`: whether speech may leave this machine.
    pub(crate) fn start(
        engines: Vec<Arc<dyn Engine>>,
        remote: bool,
        audit: Audit,
        stopping: &CancellationToken,
    ) -> Self {
        let now = Instant::now();
        let rank = |engine: Arc<dyn Engine>| {
            let status = EngineStatus::new(EngineState::Loading, format!("{} is loading", engine.name()));
            let condition = Mutex::new(Condition { breaker: Breaker::new(now), status });
            Ranked { engine, condition, opened: Notify::new() }
        };
        let engines: Arc<[Ranked]> = engines.into_iter().map(rank).collect();
        let (changes, status) = watch::channel(EngineStatus::disabled());
        let speech =
            Self { engines, status, changes: Arc::new(changes), streams: Arc::default(), audit, remote };
        speech.tell();
        for index in 0..speech.engines.len() {
            let (monitor, stopping) = (Monitor::new(speech.clone(), index), stopping.clone());
            tokio::spawn(async move { stopping.run_until_cancelled(monitor.run()).await });
        }
        speech
    }

    /// A number for a stream.
    pub(crate) fn new_stream(&self) -> u64 {
        self.streams.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn engine(&self, index: usize) -> &dyn Engine {
        &*self.engines[index].engine
    }

    /// Whether an engine may have speech whose owner lets it leave this machine, or does not.
    pub(crate) fn may_have(&self, index: usize, allowed: bool) -> bool {
        self.engines[index].engine.host().is_none() || (allowed && self.remote)
    }

    /// Whether any engine may have it, now or some time.
    pub(crate) fn any_may_have(&self, allowed: bool) -> bool {
        (0..self.engines.len()).any(|index| self.may_have(index, allowed))
    }

    /// The best engine that is to be had now.
    pub(crate) fn choose(&self, stream: &dyn Wants, allowed: bool) -> Option<usize> {
        let now = Instant::now();
        (0..self.engines.len()).find(|&index| {
            self.may_have(index, allowed)
                && !stream.avoids(index, now)
                && self.engines[index].lock().breaker.admits(stream.key(), now)
        })
    }

    /// A stream gives its audio to an engine now.
    pub(crate) fn asked(&self, index: usize, stream: u64) {
        self.engines[index].lock().breaker.asked(stream, Instant::now());
    }

    /// It does so no more.
    pub(crate) fn left(&self, index: usize, stream: u64) {
        let makes_way = self.engines[index].lock().breaker.left(stream);
        if makes_way {
            self.tell();
        }
    }

    /// An engine did something for a stream; `text`: it said something.
    pub(crate) fn worked(&self, index: usize, text: bool) {
        let ranked = &self.engines[index];
        let is_back = ranked.lock().breaker.worked(text);
        if is_back {
            info!(engine = ranked.engine.name(), "speech engine works again");
            self.tell();
        }
    }

    /// An engine failed a stream.
    pub(crate) fn failed(&self, index: usize, stream: u64, error: &EngineError) {
        let ranked = &self.engines[index];
        counter!("glasslink_relay_engine_failures_total", "cause" => cause(error)).increment(1);
        let opened = ranked.lock().breaker.failed(Some(stream), error, Instant::now());
        if opened {
            self.set_failed(index, error);
            ranked.opened.notify_one();
        }
    }

    /// Loading it went so.
    pub(super) fn loaded(&self, index: usize, result: &Result<(), EngineError>) {
        let ranked = &self.engines[index];
        match result {
            Ok(()) => {
                ranked.lock().breaker.loaded();
                let name = ranked.engine.name();
                self.set(index, EngineStatus::new(EngineState::Ready, format!("{name} is ready")));
            }
            Err(error) => {
                ranked.lock().breaker.failed(None, error, Instant::now());
                self.set_failed(index, error);
            }
        }
    }

    pub(super) fn ranked(&self, index: usize) -> &Ranked {
        &self.engines[index]
    }

    /// Until when an engine is left alone, if it is.
    pub(super) fn open_until(&self, index: usize) -> Option<Instant> {
        self.engines[index].lock().breaker.open_until()
    }

    fn set_failed(&self, index: usize, error: &EngineError) {
        let is_news = self.set(index, EngineStatus::of(error));
        if is_news && let EngineError::NotAllowed { detail, .. } = error {
            let name = self.engines[index].engine.name();
            self.audit.note(AuditNote::new(AuditEvent::OutgoingRefused).saying(format!("{name}: {detail}")));
        }
    }

    /// Whether that is news.
    fn set(&self, index: usize, status: EngineStatus) -> bool {
        let ranked = &self.engines[index];
        let name = ranked.engine.name();
        let mut condition = ranked.lock();
        let changed = condition.status != status;
        let is_ready = status.is_ready();
        if changed && is_ready {
            info!(engine = name, "speech engine ready");
        } else if changed {
            warn!(engine = name, state = ?status.state, detail = status.message, remedy = status.remedy, "speech engine");
        }
        condition.status = status;
        drop(condition);
        let ready = self.engines.iter().filter(|ranked| ranked.lock().status.is_ready()).count();
        gauge!("glasslink_relay_engines_ready").set(ready as f64);
        self.tell();
        changed
    }

    /// Wakes whoever waits for an engine.
    fn tell(&self) {
        self.changes.send_replace(self.best(true, &[]));
    }

    /// How the engines are as a whole, for speech whose owner lets it leave this machine, or does not, and that some of
    /// them have now.
    pub(crate) fn best(&self, allowed: bool, serving: &[usize]) -> EngineStatus {
        let statuses = (0..self.engines.len())
            .filter(|&index| self.may_have(index, allowed))
            .map(|index| (index, self.engines[index].lock().status.clone()));
        let statuses: Vec<(usize, EngineStatus)> = statuses.collect();
        let Some((preferred, first)) = statuses.first() else { return self.nobody() };
        // The first of those that have it, else the first of those with most hope.
        let of_serving = statuses.iter().find(|(index, _)| serving.contains(index));
        let most = statuses.iter().map(|(_, status)| status.hope()).max();
        let hopeful = statuses.iter().find(|(_, status)| Some(status.hope()) == most);
        let Some((index, best)) = of_serving.or(hopeful) else { return self.nobody() };
        let engine = &self.engines[*index].engine;
        let serves = best.is_ready() || of_serving.is_some();
        let speech_to = serves
            .then(|| SpeechTo { engine: engine.name().to_owned(), host: engine.host().map(str::to_owned) });
        let mut status = EngineStatus { speech_to, ..best.clone() };
        if serves && index != preferred && !first.is_ready() {
            status.state = EngineState::Ready;
            status.message = format!("{} transcribes; {}", engine.name(), first.message);
            status.remedy.clone_from(&first.remedy);
        }
        status
    }

    /// No engine may have it.
    fn nobody(&self) -> EngineStatus {
        let hosts: Vec<&str> = self.engines.iter().filter_map(|ranked| ranked.engine.host()).collect();
        if hosts.is_empty() {
            return EngineStatus::disabled();
        }
        let message =
            format!("this relay transcribes elsewhere ({}), which is not allowed here", hosts.join(", "));
        let remedy = if self.remote {
            "allow speech to leave the relay (`remote_speech`), or use a relay with an engine of its own"
        } else {
            "give the relay an engine of its own, or let speech leave it (`remote-speech`)"
        };
        EngineStatus::new(EngineState::Disabled, message).with_remedy(remedy)
    }

    /// All of them, in order of preference.
    pub(crate) fn views(&self) -> Vec<EngineView> {
        let view = |ranked: &Ranked| {
            let condition = ranked.lock();
            EngineView {
                name: ranked.engine.name().to_owned(),
                host: ranked.engine.host().map(str::to_owned),
                breaker: condition.breaker.word(),
                status: condition.status.clone(),
            }
        };
        self.engines.iter().map(view).collect()
    }
}

impl Ranked {
    fn lock(&self) -> MutexGuard<'_, Condition> {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A word for a metric.
fn cause(error: &EngineError) -> &'static str {
    match error {
        EngineError::NotInstalled { .. } | EngineError::NoModelDir => "not_installed",
        EngineError::Corrupted { .. } => "corrupted",
        EngineError::Runtime { .. } => "runtime",
        EngineError::Failed { .. } => "failed",
        EngineError::Unreachable { .. } => "unreachable",
        EngineError::Broken { .. } => "broken",
        EngineError::TimedOut { .. } => "timed_out",
        EngineError::Refused { .. } => "refused",
        EngineError::RateLimited { .. } => "rate_limited",
        EngineError::NotAllowed { .. } => "not_allowed",
        EngineError::Misconfigured { .. } => "misconfigured",
    }
}

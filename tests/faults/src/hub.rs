use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

use crate::head::Head;
use crate::listener::Wanted;
use crate::log::{By, ConnectionId, Log, RuleId, What};
use crate::rule::{Direction, Fault, How, Rule, RuleError};

/// The rules, the connections they apply to, and the log.
pub(crate) struct Hub {
    pub(crate) log: Log,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    rules: BTreeMap<RuleId, Held>,
    open: BTreeMap<ConnectionId, Arc<Life>>,
    last_rule: u64,
    last_connection: u64,
}

struct Held {
    rule: Rule,
    made: Instant,
    left: Option<u32>,
    /// Connections a rule with `times` was spent on.
    claimed: BTreeSet<ConnectionId>,
}

/// A rule that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub id: RuleId,
    #[serde(flatten)]
    pub rule: Rule,
    /// Of `times`, for so many connections more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
}

/// A connection that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Open {
    pub connection: ConnectionId,
    /// Since it was accepted.
    pub age_ms: u64,
    /// Bytes that were passed on, from client to upstream.
    pub up: u64,
    /// Bytes that were passed on, from upstream to client.
    pub down: u64,
    /// The first request's path, where the proxy can see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What is known of one connection while it lasts.
pub(crate) struct Life {
    pub(crate) id: ConnectionId,
    opened: Instant,
    head: OnceLock<Head>,
    passed: [AtomicU64; 2],
    by_hand: OnceLock<How>,
    applied: Mutex<BTreeSet<RuleId>>,
}

/// What the rules say about a connection at this moment.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) ends: Option<(By, How)>,
    pub(crate) hole: bool,
    pub(crate) latency: Duration,
    pub(crate) jitter: Duration,
    pub(crate) bytes_per_second: Option<u32>,
    /// After so many bytes more it may be different.
    pub(crate) bytes: Option<u64>,
    /// At this time it may be different.
    pub(crate) again: Option<Instant>,
}

/// How far a connection is when rules with `times` are spent on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Accepted,
    TlsBegins,
    Requested,
}

impl Life {
    pub(crate) fn passed(&self, direction: Direction) -> u64 {
        self.passed[direction as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&self, direction: Direction, bytes: usize) {
        self.passed[direction as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self { log: Log::new(), state: Mutex::default(), changed: watch::Sender::new(()) }
    }

    /// Marked whenever a rule comes or goes, or a hand closes a connection.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn add(&self, rule: Rule) -> Result<RuleId, RuleError> {
        let rule = rule.check()?;
        let mut state = self.lock();
        state.last_rule += 1;
        let id = RuleId(state.last_rule);
        let fault = rule.fault.name();
        let held = Held { left: rule.times, rule, made: Instant::now(), claimed: BTreeSet::new() };
        state.rules.insert(id, held);
        self.log.tell(What::RuleAdded { rule: id, fault });
        drop(state);
        self.changed.send_replace(());
        Ok(id)
    }

    /// Whether there was such a rule.
    pub(crate) fn remove(&self, id: RuleId) -> bool {
        let mut state = self.lock();
        let removed = state.rules.remove(&id).is_some();
        if removed {
            self.log.tell(What::RuleRemoved { rule: id });
        }
        drop(state);
        self.changed.send_replace(());
        removed
    }

    pub(crate) fn rules(&self) -> Vec<Standing> {
        let standing =
            |(id, held): (&RuleId, &Held)| Standing { id: *id, rule: held.rule.clone(), left: held.left };
        self.lock().rules.iter().map(standing).collect()
    }

    pub(crate) fn open(&self) -> Vec<Open> {
        let open = |life: &Arc<Life>| Open {
            connection: life.id,
            age_ms: life.opened.elapsed().as_millis() as u64,
            up: life.passed(Direction::Up),
            down: life.passed(Direction::Down),
            path: life.head.get().map(|head| head.path.clone()),
        };
        self.lock().open.values().map(open).collect()
    }

    /// Ends the connections `which`. Returns how many there were.
    pub(crate) fn close(&self, how: How, which: impl Fn(ConnectionId) -> bool) -> usize {
        let state = self.lock();
        let closed = state.open.values().filter(|life| which(life.id));
        let count = closed.filter(|life| life.by_hand.set(how).is_ok()).count();
        drop(state);
        self.changed.send_replace(());
        count
    }

    pub(crate) fn accepted(&self) -> Arc<Life> {
        let mut state = self.lock();
        state.last_connection += 1;
        let life = Arc::new(Life {
            id: ConnectionId(state.last_connection),
            opened: Instant::now(),
            head: OnceLock::new(),
            passed: Default::default(),
            by_hand: OnceLock::new(),
            applied: Mutex::default(),
        });
        state.open.insert(life.id, Arc::clone(&life));
        self.log.tell(What::Accepted { connection: life.id });
        state.claim(&life, Stage::Accepted);
        life
    }

    pub(crate) fn tls_begins(&self, life: &Life) -> Option<Fault> {
        let mut state = self.lock();
        state.claim(life, Stage::TlsBegins);
        self.first(&state, life, Fault::is_of_tls)
    }

    pub(crate) fn requested(&self, life: &Life, head: Head) -> Option<Fault> {
        let mut state = self.lock();
        let connection = life.id;
        let Head { method, path, host, upgrade } = head.clone();
        self.log.tell(What::Request { connection, method, host, path, upgrade });
        // There is one first request.
        let _ = life.head.set(head);
        state.claim(life, Stage::Requested);
        let strips = |fault: &Fault| *fault != Fault::StripUpgrade || upgrade;
        self.first(&state, life, |fault| fault.is_of_http() && strips(fault))
    }

    pub(crate) fn closed(&self, life: &Life, by: By, how: How) {
        let mut state = self.lock();
        state.open.remove(&life.id);
        for held in state.rules.values_mut() {
            held.claimed.remove(&life.id);
        }
        let (up, down) = (life.passed(Direction::Up), life.passed(Direction::Down));
        self.log.tell(What::Closed { connection: life.id, by, how, up, down });
    }

    /// What the port is to look like.
    pub(crate) fn port(&self) -> Wanted {
        let state = self.lock();
        let has = |fault| state.rules.values().any(|held| held.rule.fault == fault);
        match (has(Fault::Refuse), has(Fault::Unanswered)) {
            (true, _) => Wanted::Refusing,
            (false, true) => Wanted::Silent,
            (false, false) => Wanted::Open,
        }
    }

    /// What is to be done to this connection, or to one direction of it.
    pub(crate) fn look(&self, life: &Life, direction: Option<Direction>) -> Verdict {
        let state = self.lock();
        let now = Instant::now();
        let mut verdict = Verdict::default();
        if let Some(how) = life.by_hand.get() {
            verdict.ends = Some((By::Hand, *how));
            return verdict;
        }
        for (id, held) in state.rules.iter().filter(|(_, held)| held.concerns(life)) {
            let fault = held.rule.fault;
            if fault.is_the_ports() || fault.is_of_tls() || fault.is_of_http() {
                continue;
            }
            let one_way = held.rule.when.direction;
            if fault.ends().is_none() && one_way.is_some() && one_way != direction {
                continue;
            }
            if let Some(from) = held.from(life).filter(|from| *from > now) {
                verdict.again = Some(verdict.again.map_or(from, |again| again.min(from)));
                continue;
            }
            if let (Some(after), Some(way)) = (held.rule.when.after_bytes, one_way)
                && let Some(bytes @ 1..) = after.checked_sub(life.passed(way))
            {
                if direction == Some(way) {
                    verdict.bytes = Some(verdict.bytes.map_or(bytes, |sooner| sooner.min(bytes)));
                }
                continue;
            }
            self.apply(life, *id, fault);
            match fault {
                Fault::Close | Fault::Reset => {
                    let how = fault.ends().unwrap_or(How::Close);
                    verdict.ends = verdict.ends.or(Some((By::Rule(*id), how)));
                }
                Fault::BlackHole => verdict.hole = true,
                Fault::Delay { latency, jitter } => {
                    verdict.latency += latency;
                    verdict.jitter += jitter;
                }
                Fault::Throttle { bytes_per_second } => {
                    let slowest = verdict.bytes_per_second.unwrap_or(u32::MAX);
                    verdict.bytes_per_second = Some(slowest.min(bytes_per_second));
                }
                _ => {}
            }
        }
        verdict
    }

    /// Which rule a fault at the beginning came from.
    pub(crate) fn by(&self, life: &Life, fault: Fault) -> By {
        let state = self.lock();
        let found = state.rules.iter().find(|(_, held)| held.rule.fault == fault && held.concerns(life));
        found.map_or(By::Hand, |(id, _)| By::Rule(*id))
    }

    fn first(&self, state: &State, life: &Life, kind: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let (id, held) =
            state.rules.iter().find(|(_, held)| kind(&held.rule.fault) && held.concerns(life))?;
        self.apply(life, *id, held.rule.fault);
        Some(held.rule.fault)
    }

    fn apply(&self, life: &Life, rule: RuleId, fault: Fault) {
        let mut applied = life.applied.lock().unwrap_or_else(PoisonError::into_inner);
        if applied.insert(rule) {
            self.log.tell(What::Applied { connection: life.id, rule, fault: fault.name() });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn claim(&mut self, life: &Life, stage: Stage) {
        for held in self.rules.values_mut() {
            let Some(left @ 1..) = held.left else { continue };
            if held.stage() == stage && held.fits(life) {
                held.left = Some(left - 1);
                held.claimed.insert(life.id);
            }
        }
    }
}

impl Held {
    fn stage(&self) -> Stage {
        if self.rule.fault.is_of_tls() {
            Stage::TlsBegins
        } else if self.rule.fault.is_of_http() || self.rule.when.wants_request() {
            Stage::Requested
        } else {
            Stage::Accepted
        }
    }

    fn fits(&self, life: &Life) -> bool {
        let Some(head) = life.head.get() else { return self.stage() != Stage::Requested };
        let strips = self.rule.fault != Fault::StripUpgrade || head.upgrade;
        strips && self.rule.when.fits(head)
    }

    fn concerns(&self, life: &Life) -> bool {
        match self.left {
            Some(_) => self.claimed.contains(&life.id),
            None => self.fits(life),
        }
    }

    /// When it begins, if that is a matter of time.
    fn from(&self, life: &Life) -> Option<Instant> {
        let after = Duration::from_millis(self.rule.when.after_ms?);
        Some(self.made.max(life.opened) + after)
    }
}

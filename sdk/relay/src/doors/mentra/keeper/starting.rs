use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use glasslink_protocol::AppState;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{Keeper, chance};
use crate::doors::mentra::health::backoff;
use crate::doors::mentra::limits;
use crate::doors::mentra::run::{RunId, RunState, user};
use crate::doors::mentra::webhook::{Failed, Health};

/// What became of something that took its time.
pub(super) enum Done {
    Probed(Health),
    /// The app was called for a run.
    Called {
        run: RunId,
        attempt: u64,
        result: Result<(), Failed>,
    },
    Stopped,
}

/// How long the last starts took, and how many there were.
#[derive(Default)]
pub(super) struct Starts {
    took: VecDeque<Duration>,
    attempts: u64,
}

impl Starts {
    pub(super) fn took(&mut self, time: Duration) {
        self.took.push_back(time);
        if self.took.len() > limits::STARTS_MEASURED {
            self.took.pop_front();
        }
    }

    /// How long a start may take.
    fn limit(&self) -> Duration {
        let longest = self.took.iter().max().copied().unwrap_or_default();
        (longest * limits::START_TIMES).clamp(limits::START_LEAST, limits::START_MOST)
    }
}

impl Keeper {
    /// When something is to be done although nothing comes.
    pub(super) fn due(&self) -> Option<Instant> {
        let may_start = self.health.may_start(Instant::now());
        let of_runs = self.runs.values().filter_map(|run| {
            let untold = run.away.and_then(|(since, told)| (!told).then_some(since + limits::AWAY_UNTOLD));
            let state = match run.state {
                RunState::Waiting { at } => may_start.then_some(at),
                RunState::Starting { until, .. } => Some(until),
                RunState::Running { .. } | RunState::Stopped => None,
            };
            state.into_iter().chain(untold).min()
        });
        of_runs.chain(self.health.due()).min()
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) {
        let Some(caller) = self.caller.clone() else { return };
        if self.health.look(now) {
            self.work.spawn(async move { Done::Probed(caller.probe().await) });
        }
        let mut away = Vec::new();
        for run in self.runs.values_mut() {
            if let Some((since, told)) = &mut run.away
                && !*told
                && now >= *since + limits::AWAY_UNTOLD
            {
                *told = true;
                away.push(run.session);
            }
        }
        for session in away {
            self.tell_wearer(session, AppState::Away);
        }
        let late = |state: &RunState| matches!(state, RunState::Starting { until, .. } if now >= *until);
        let late: Vec<_> =
            self.runs.iter().filter(|(_, run)| late(&run.state)).map(|(id, _)| id.clone()).collect();
        for id in late {
            self.failed(now, &id, "it did not come in time");
        }
        if !self.health.may_start(now) {
            return;
        }
        let ready = |state: &RunState| matches!(state, RunState::Waiting { at } if now >= *at);
        let ready: Vec<_> =
            self.runs.iter().filter(|(_, run)| ready(&run.state)).map(|(id, _)| id.clone()).collect();
        for id in ready {
            self.start(now, id);
        }
    }

    /// Calls the app. It comes, or does not, by the connection that it opens; its answer may take much longer.
    fn start(&mut self, now: Instant, id: RunId) {
        let Some((run, caller)) = self.runs.get_mut(&id).zip(self.caller.clone()) else { return };
        self.starts.attempts += 1;
        let attempt = self.starts.attempts;
        run.state = RunState::Starting { began: now, until: now + self.starts.limit(), attempt };
        debug!(app = self.webhook.package, run = %id, "app is called");
        let (user, address) = (user(&run.owner), Arc::clone(&self.address));
        let calls = Arc::clone(&self.calls);
        self.work.spawn(async move {
            let _place = calls.acquire_owned().await;
            let result = caller.begin(id.as_str(), &user, &address).await;
            Done::Called { run: id, attempt, result }
        });
    }

    pub(super) fn called(&mut self, now: Instant, id: &RunId, of: u64, result: Result<(), Failed>) {
        let state = self.runs.get(id).map(|run| &run.state);
        let current = matches!(state, Some(RunState::Starting { attempt, .. }) if *attempt == of);
        match result {
            // That it came is what counts.
            _ if !current => {}
            Ok(()) => {}
            Err(Failed::Refused) => self.failed(now, id, "it answered with an error"),
            Err(Failed::Unreachable) => {
                self.failed(now, id, "nobody answers");
                self.health.down(now, chance());
            }
        }
    }

    fn failed(&mut self, now: Instant, id: &RunId, why: &'static str) {
        let Some(run) = self.runs.get_mut(id) else { return };
        let pause = backoff(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MOST, run.failures);
        run.failures = run.failures.saturating_add(1);
        run.state = RunState::Waiting { at: now + pause.mul_f64(chance().mul_add(0.5, 0.5)) };
        run.away.get_or_insert((now, false));
        warn!(app = self.webhook.package, run = %id, why, failures = run.failures, "app did not start");
        self.health.doubt(now);
    }
}

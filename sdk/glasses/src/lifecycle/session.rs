use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::job::JobError;
use super::lane::{Budgets, COOL_DOWN, End, LaneTask, Session, concerns};
use super::shared::Wanted;
use super::status::{ArmState, MicrophoneState};
use crate::{Screen, Trouble};

/// Packets that were sent before a microphone went off arrive within this time.
const IN_FLIGHT: Duration = Duration::from_millis(100);
/// A microphone that is on and silent this long is armed again. Silence in the room is frames, too.
const SILENT: Duration = Duration::from_secs(3);
/// Between off and on of a microphone that is armed again; G2 firmware needs it.
const REARM_PAUSE: Duration = Duration::from_millis(500);
/// Tries of a page before it is given up.
const PAGE_TRIES: u32 = 3;
/// Jobs in a row without an answer, after which the firmware counts as hung.
const MISSES: u32 = 3;

/// What is done on a connection: the opening, then whatever brings the arm to what is wanted.
impl LaneTask {
    pub(super) async fn work(&self, mut session: Session, budgets: &mut Budgets) -> End {
        self.shared.set_arm(self.arm, ArmState::Opening);
        for stage in 0.. {
            let steps = self.shared.driver().opening(self.arm, session.mtu, stage);
            if steps.is_empty() {
                break;
            }
            match self.job(&session, steps).await {
                Ok(()) => {}
                Err(JobError::Link) => return End::Lost,
                Err(JobError::NoAnswer) => return End::NotAnswering,
                Err(JobError::Refused) => return End::WrongDevice,
            }
        }
        self.shared.lane(self.arm).up = true;
        self.shared.clear(|old| concerns(*old, self.arm));
        self.shared.set_arm(self.arm, ArmState::Ready);
        self.shared.wake_all();
        loop {
            let wanted = self.shared.wanted();
            if wanted.closing {
                let off = self.shared.driver().microphone(self.arm, false);
                let _ = self.job(&session, off).await;
                let blank = self.shared.driver().show(self.arm, &Screen::Blank, wanted.revision + 1);
                if wanted.revision > 0
                    && let Ok(blank) = blank
                {
                    let _ = self.job(&session, blank).await;
                }
                return End::Closed;
            }
            let mut next: Option<Instant> = None;
            let Some(done) = self.next_job(&mut session, budgets, &wanted, &mut next).await else {
                let until = async {
                    match next {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = until => {}
                    () = self.shared.wake(self.arm).notified() => {}
                }
                continue;
            };
            match done {
                Ok(()) | Err(JobError::Refused) => {
                    session.misses = 0;
                    self.shared.clear(|old| *old == Trouble::NotAnswering(self.arm));
                }
                Err(JobError::Link) => return End::Lost,
                Err(JobError::NoAnswer) => {
                    session.misses += 1;
                    let now = Instant::now();
                    let heard = self.shared.lane(self.arm).heard;
                    if session.misses >= MISSES {
                        self.shared.trouble(Trouble::NotAnswering(self.arm));
                        // Audio that still flows proves the link: a reconnect would only interrupt it.
                        let alive = heard.is_some_and(|at| now < at + SILENT);
                        if !alive && budgets.hung.next(now).is_some_and(|at| at <= now) {
                            budgets.hung.spend(now);
                            return End::NotAnswering;
                        }
                    }
                }
            }
            if session.since.elapsed() > 2 * COOL_DOWN && session.misses == 0 {
                budgets.hung.refill();
            }
        }
    }

    /// Does the first thing there is to do. `None` when there is nothing before `next`.
    async fn next_job(
        &self,
        session: &mut Session,
        budgets: &mut Budgets,
        wanted: &Wanted,
        next: &mut Option<Instant>,
    ) -> Option<Result<(), JobError>> {
        if let Some(done) = self.microphone(session, budgets, wanted.microphone, next).await {
            return Some(done);
        }
        if let Some(done) = self.screen(session, wanted, next).await {
            return Some(done);
        }
        self.heartbeat(session, next).await
    }

    /// Brings the microphone to what is wanted. `None` when there is nothing to do before `next`.
    async fn microphone(
        &self,
        session: &Session,
        budgets: &mut Budgets,
        wanted: bool,
        next: &mut Option<Instant>,
    ) -> Option<Result<(), JobError>> {
        let model = self.shared.device.model().microphone?;
        if model.arm != self.arm {
            return None;
        }
        if wanted && session.mtu < model.mtu {
            self.shared.trouble(Trouble::MtuTooSmall { mtu: session.mtu, needed: model.mtu });
            self.shared.set_microphone(MicrophoneState::Unavailable);
            return None;
        }
        let now = Instant::now();
        let (is, since) = {
            let lane = self.shared.lane(self.arm);
            (lane.microphone, lane.microphone_at)
        };
        if is != Some(wanted) {
            if wanted {
                match budgets.refusals.next(now) {
                    Some(at) if at <= now => self.shared.set_microphone(MicrophoneState::Starting),
                    Some(at) => {
                        sooner(next, at);
                        return None;
                    }
                    None => return None,
                }
            } else {
                budgets.refusals.refill();
                budgets.rearms.refill();
            }
            self.shared.pause_audio(self.arm);
            return Some(self.switch(session, budgets, wanted).await);
        }
        if !wanted {
            return None;
        }
        let since = since?;
        let heard = self.shared.ear.last_audio();
        let quiet_since = heard.map_or(since, |heard| heard.max(since));
        if now < quiet_since + SILENT {
            self.shared.set_microphone(MicrophoneState::On);
            self.shared.clear(|old| *old == Trouble::MicrophoneSilent);
            if now > since + COOL_DOWN {
                budgets.rearms.refill();
            }
            sooner(next, quiet_since + SILENT);
            if let Some(every) = model.refresh {
                if now >= since + every {
                    return Some(self.switch(session, budgets, true).await);
                }
                sooner(next, since + every);
            }
            return None;
        }
        self.shared.set_microphone(MicrophoneState::Silent);
        let Some(at) = budgets.rearms.next(now) else {
            self.shared.trouble(Trouble::MicrophoneSilent);
            sooner(next, now + SILENT);
            return None;
        };
        if at > now {
            sooner(next, at.min(now + SILENT));
            return None;
        }
        budgets.rearms.spend(now);
        tracing::info!(arm = %self.arm, "microphone armed again");
        self.shared.pause_audio(self.arm);
        let off = self.shared.driver().microphone(self.arm, false);
        if let Err(error) = self.job(session, off).await {
            return Some(Err(error));
        }
        sleep(REARM_PAUSE).await;
        Some(self.switch(session, budgets, true).await)
    }

    async fn switch(&self, session: &Session, budgets: &mut Budgets, on: bool) -> Result<(), JobError> {
        let steps = self.shared.driver().microphone(self.arm, on);
        let result = self.job(session, steps).await;
        if !on && self.shared.wanted().deaf {
            sleep(IN_FLIGHT).await;
            self.shared.pause_audio(self.arm);
            self.shared.ear.end();
        }
        let now = Instant::now();
        match &result {
            Ok(()) => {
                let mut lane = self.shared.lane(self.arm);
                lane.microphone = Some(on);
                lane.microphone_at = Some(now);
                drop(lane);
                if on {
                    budgets.refusals.refill();
                    self.shared.clear(|old| *old == Trouble::MicrophoneRefused);
                } else {
                    self.shared.set_microphone(MicrophoneState::Off);
                    self.shared
                        .clear(|old| matches!(old, Trouble::MicrophoneSilent | Trouble::MicrophoneRefused));
                }
            }
            Err(JobError::Refused) if on => {
                budgets.refusals.spend(now);
                self.shared.trouble(Trouble::MicrophoneRefused);
                self.shared.set_microphone(MicrophoneState::Unavailable);
            }
            Err(JobError::NoAnswer) if on => budgets.refusals.spend(now),
            // Asking for silence is not repeated: the firmware that will not answer is not listening either.
            Err(_) if !on => self.shared.lane(self.arm).microphone = Some(false),
            Err(_) => {}
        }
        result
    }

    /// Shows what is wanted. `None` when there is nothing to do before `next`.
    async fn screen(
        &self,
        session: &mut Session,
        wanted: &Wanted,
        next: &mut Option<Instant>,
    ) -> Option<Result<(), JobError>> {
        let shown = self.shared.lane(self.arm).screen;
        let revision = wanted.revision;
        if revision == 0 || shown == Some(revision) || !self.shared.device.model().displays_on(self.arm) {
            return None;
        }
        if self.shared.behind_earlier_arms(self.arm, revision) {
            return None;
        }
        if let Some(at) = session.page_not_before.filter(|at| *at > Instant::now()) {
            sooner(next, at);
            return None;
        }
        let steps = self.shared.driver().show(self.arm, &wanted.screen, revision);
        let result = match steps {
            Ok(steps) => self.job(session, steps).await,
            // `Glasses::show` asked the driver before; this page cannot be shown.
            Err(_) => Err(JobError::Refused),
        };
        let given_up = match &result {
            Ok(()) => true,
            Err(JobError::Link) => false,
            Err(_) => {
                session.page_failures += 1;
                session.page_not_before =
                    Some(Instant::now() + Duration::from_millis(300) * session.page_failures);
                session.page_failures >= PAGE_TRIES
            }
        };
        if given_up {
            if result.is_err() {
                tracing::warn!(arm = %self.arm, revision, "page not shown");
            }
            session.page_failures = 0;
            session.page_not_before = None;
            self.shared.lane(self.arm).screen = Some(revision);
            self.shared.wake_all();
        }
        Some(result)
    }

    async fn heartbeat(
        &self,
        session: &mut Session,
        next: &mut Option<Instant>,
    ) -> Option<Result<(), JobError>> {
        let due = session.heartbeat_due?;
        let now = Instant::now();
        if now < due {
            sooner(next, due);
            return None;
        }
        session.heartbeat_due = self.shared.device.model().heartbeat.map(|every| now + every);
        let steps = self.shared.driver().heartbeat(self.arm);
        Some(self.job(session, steps).await)
    }
}

fn sooner(next: &mut Option<Instant>, at: Instant) {
    *next = Some(next.map_or(at, |next| next.min(at)));
}

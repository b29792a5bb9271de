use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::budget::{Backoff, Budget, HEALTHY};
use super::shared::Shared;
use super::status::{ArmState, MicrophoneState};
use crate::{
    Action, Arm, Expect, Link, LinkEvent, LinkListener, LossReason, Outcome, PeripheralId, Received, Step,
    Transport, TransportError, Trouble, WriteKind,
};

/// Link events that wait for their lane: seconds of audio.
const INBOX: usize = 512;
/// A transport that does not give up by itself is given up on.
const CONNECT: Duration = Duration::from_secs(40);
/// A microphone that is on and silent this long is armed again. Silence in the room is frames, too.
const SILENT: Duration = Duration::from_secs(3);
/// Between off and on of a microphone that is armed again; G2 firmware needs it.
const REARM_PAUSE: Duration = Duration::from_millis(500);
const COOL_DOWN: Duration = Duration::from_secs(30);
/// Tries of a page before it is given up.
const PAGE_TRIES: u32 = 3;
/// Jobs in a row without an answer, after which the firmware counts as hung.
const MISSES: u32 = 3;
/// Refusals to pair in a row, after which only the person can help.
const REFUSALS: u32 = 3;

/// Connects one arm, keeps it connected, and brings it to what is wanted, over and over.
pub(super) struct LaneTask {
    pub(super) shared: Arc<Shared>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) arm: Arm,
    pub(super) id: PeripheralId,
}

/// Why a connection was over.
enum End {
    Closed,
    Lost,
    NotAnswering,
    WrongDevice,
}

/// Why a job was not done.
enum JobError {
    Refused,
    NoAnswer,
    Link,
}

struct Listener(mpsc::Sender<LinkEvent>);

impl LinkListener for Listener {
    fn event(&self, event: LinkEvent) {
        // A full inbox loses the packet, and the counters in the packets will tell. A loss is told by closing.
        let _ = self.0.try_send(event);
    }
}

/// What an open connection has done so far.
struct Session {
    link: Arc<dyn Link>,
    mtu: u16,
    since: Instant,
    heartbeat_due: Option<Instant>,
    misses: u32,
    page_failures: u32,
    page_not_before: Option<Instant>,
}

/// Recoveries that outlive a connection, so that reconnecting does not refill them.
struct Budgets {
    refusals: Budget,
    rearms: Budget,
    hung: Budget,
}

impl LaneTask {
    pub(super) async fn run(self) {
        let mut backoff = Backoff::default();
        let mut budgets = Budgets {
            refusals: Budget::new(3, COOL_DOWN),
            rearms: Budget::new(3, COOL_DOWN),
            hung: Budget::new(3, 2 * COOL_DOWN),
        };
        let mut refusals = 0;
        while !self.shared.wanted().closing {
            self.shared.set_arm(self.arm, ArmState::Connecting);
            let since = Instant::now();
            let trouble = match self.connect().await {
                Ok((link, inbox, mtu)) => {
                    refusals = 0;
                    let end = self.serve(Arc::clone(&link), inbox, mtu, &mut budgets).await;
                    self.down();
                    if let End::Closed = end {
                        link.close().await;
                        break;
                    }
                    if since.elapsed() >= HEALTHY {
                        backoff.reset();
                    }
                    match end {
                        End::NotAnswering => {
                            link.close().await;
                            Trouble::NotAnswering(self.arm)
                        }
                        End::WrongDevice => {
                            link.close().await;
                            Trouble::WrongDevice(self.arm)
                        }
                        _ if self.shared.battery(self.arm).is_some_and(|percent| percent <= 3) => {
                            Trouble::BatteryDead(self.arm)
                        }
                        _ => Trouble::LinkLost(self.arm),
                    }
                }
                Err(error) => Trouble::from_transport(&error, self.arm),
            };
            tracing::info!(arm = %self.arm, ?trouble, "arm down");
            self.shared.clear(|old| concerns(old, self.arm));
            self.shared.trouble(trouble);
            if matches!(trouble, Trouble::PairingRefused(_) | Trouble::BondLost(_)) {
                refusals += 1;
                if refusals >= REFUSALS {
                    refusals = 0;
                    self.shared.set_arm(self.arm, ArmState::Blocked);
                    self.wait(None).await;
                    continue;
                }
            }
            let (attempt, retry_in) = backoff.next();
            self.shared.set_arm(self.arm, ArmState::Waiting { attempt, retry_in });
            self.wait(Some(retry_in)).await;
        }
        self.shared.set_arm(self.arm, ArmState::Closed);
    }

    /// Waits for `time`, for ever without one, or until a person asks to try again or closes the glasses.
    async fn wait(&self, time: Option<Duration>) {
        let end = time.map(|time| Instant::now() + time);
        while !self.shared.wanted().closing {
            tokio::select! {
                () = async { match end { Some(end) => sleep_until(end).await, None => std::future::pending().await } } => return,
                () = self.shared.retry.notified() => return,
                () = self.shared.wake(self.arm).notified() => {}
            }
        }
    }

    async fn connect(&self) -> Result<(Arc<dyn Link>, mpsc::Receiver<LinkEvent>, u16), TransportError> {
        let (outbox, inbox) = mpsc::channel(INBOX);
        let connecting = self.transport.connect(self.id.clone(), Arc::new(Listener(outbox)));
        let link = timeout(CONNECT, connecting).await.unwrap_or(Err(TransportError::Timeout))?;
        let model = self.shared.device.model();
        let ready = async {
            if model.bonded {
                let _one_at_a_time = self.shared.pairing.lock().await;
                link.bond().await?;
            }
            let mtu = link.request_mtu(model.mtu).await?;
            let characteristics = self.shared.driver().subscriptions(self.arm);
            for characteristic in characteristics {
                link.notify(characteristic, true).await?;
            }
            Ok(mtu)
        };
        match timeout(CONNECT, ready).await.unwrap_or(Err(TransportError::Timeout)) {
            Ok(mtu) => Ok((link, inbox, mtu)),
            Err(error) => {
                link.close().await;
                Err(error)
            }
        }
    }

    /// The arm is gone, and what its firmware knew with it.
    fn down(&self) {
        self.shared.pause_audio(self.arm);
        self.shared.driver().disconnected(self.arm);
        *self.shared.lane(self.arm) = super::shared::Lane::default();
        if self.shared.device.model().listens_on(self.arm) && self.shared.wanted().microphone {
            self.shared.set_microphone(MicrophoneState::Starting);
        }
        // The other arm may have waited for this one.
        self.shared.wake_all();
    }

    async fn serve(
        &self,
        link: Arc<dyn Link>,
        mut inbox: mpsc::Receiver<LinkEvent>,
        mtu: u16,
        budgets: &mut Budgets,
    ) -> End {
        let pump = async {
            loop {
                match inbox.recv().await {
                    Some(LinkEvent::Notified { characteristic, value }) => {
                        for respond in self.shared.receive(self.arm, characteristic, &value) {
                            if let Received::Respond { characteristic, value, kind } = respond {
                                let _ = link.write(characteristic, value, kind).await;
                            }
                        }
                    }
                    Some(LinkEvent::Lost(LossReason::Closed)) => return End::Closed,
                    Some(LinkEvent::Lost(_)) | None => return End::Lost,
                }
            }
        };
        let now = Instant::now();
        let session = Session {
            link: Arc::clone(&link),
            mtu,
            since: now,
            heartbeat_due: self.shared.device.model().heartbeat.map(|every| now + every),
            misses: 0,
            page_failures: 0,
            page_not_before: None,
        };
        tokio::select! {
            end = pump => end,
            end = self.work(session, budgets) => end,
        }
    }

    async fn work(&self, mut session: Session, budgets: &mut Budgets) -> End {
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
        self.shared.clear(|old| concerns(old, self.arm));
        self.shared.set_arm(self.arm, ArmState::Ready);
        self.shared.wake_all();
        loop {
            let wanted = self.shared.wanted();
            if wanted.closing {
                let off = self.shared.driver().microphone(self.arm, false);
                let _ = self.job(&session, off).await;
                let blank = self.shared.driver().show(self.arm, &crate::Screen::Blank, wanted.revision + 1);
                if wanted.revision > 0
                    && let Ok(blank) = blank
                {
                    let _ = self.job(&session, blank).await;
                }
                return End::Closed;
            }
            let mut next: Option<Instant> = None;
            let done = match self.microphone(&session, budgets, wanted.microphone, &mut next).await {
                Some(result) => result,
                None => match self.screen(&mut session, &wanted, &mut next).await {
                    Some(result) => result,
                    None => match self.heartbeat(&mut session, &mut next).await {
                        Some(result) => result,
                        None => {
                            match next {
                                Some(at) => tokio::select! {
                                    () = sleep_until(at) => {}
                                    () = self.shared.wake(self.arm).notified() => {}
                                },
                                None => self.shared.wake(self.arm).notified().await,
                            }
                            continue;
                        }
                    },
                },
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
        wanted: &super::shared::Wanted,
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

    async fn job(&self, session: &Session, steps: Vec<Step>) -> Result<(), JobError> {
        for step in steps {
            match step.expect {
                None => self.act(session, &step.action, 0).await?,
                Some(expect) => self.exchange(session, &step.action, expect).await?,
            }
            if !step.pause.is_zero() {
                sleep(step.pause).await;
            }
        }
        Ok(())
    }

    async fn exchange(&self, session: &Session, action: &Action, expect: Expect) -> Result<(), JobError> {
        for turn in 0..expect.tries {
            let reply = self.shared.expect(self.arm, expect.reply);
            self.act(session, action, turn).await?;
            match timeout(expect.within, reply).await {
                Ok(Ok(Outcome::Done)) => return Ok(()),
                Ok(Ok(Outcome::Refused)) if expect.optional => return Ok(()),
                Ok(Ok(Outcome::Refused)) => return Err(JobError::Refused),
                Ok(Err(_)) | Err(_) => {}
            }
        }
        if expect.optional { Ok(()) } else { Err(JobError::NoAnswer) }
    }

    async fn act(&self, session: &Session, action: &Action, turn: u32) -> Result<(), JobError> {
        let done = match action {
            Action::Wait => Ok(()),
            Action::Notify { characteristic, on } => session.link.notify(*characteristic, *on).await,
            Action::Either { characteristic, first, second } => {
                let value = if turn % 2 == 0 { first } else { second };
                session.link.write(*characteristic, value.clone(), WriteKind::WithoutResponse).await
            }
            Action::Write { characteristic, value, kind } => {
                session.link.write(*characteristic, value.clone(), *kind).await
            }
            Action::Read { characteristic } => match session.link.read(*characteristic).await {
                Ok(value) => {
                    self.shared.receive(self.arm, *characteristic, &value);
                    Ok(())
                }
                // A characteristic that this firmware does not have is one answer less.
                Err(TransportError::NoCharacteristic(_)) => Ok(()),
                Err(error) => Err(error),
            },
        };
        done.map_err(|error| {
            tracing::debug!(arm = %self.arm, %error, "write failed");
            JobError::Link
        })
    }
}

fn sooner(next: &mut Option<Instant>, at: Instant) {
    *next = Some(next.map_or(at, |next| next.min(at)));
}

/// Whether a trouble is about the link to `arm`, and over when the arm is up.
fn concerns(trouble: &Trouble, of: Arm) -> bool {
    match trouble {
        Trouble::NotFound(arm)
        | Trouble::HeldElsewhere(arm)
        | Trouble::PairingRefused(arm)
        | Trouble::BondLost(arm)
        | Trouble::LinkLost(arm)
        | Trouble::BatteryDead(arm)
        | Trouble::NotAnswering(arm)
        | Trouble::WrongDevice(arm) => *arm == of,
        Trouble::NoBluetooth | Trouble::BluetoothOff | Trouble::NoPermission => true,
        Trouble::MtuTooSmall { .. } | Trouble::MicrophoneRefused | Trouble::MicrophoneSilent => false,
    }
}

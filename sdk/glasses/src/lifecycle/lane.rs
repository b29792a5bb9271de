use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::budget::{Backoff, Budget, HEALTHY};
use super::shared::Shared;
use super::status::{ArmState, MicrophoneState};
use crate::{
    Arm, Link, LinkEvent, LinkListener, LossReason, PeripheralId, Received, Transport, TransportError,
    Trouble,
};

/// Link events that wait for their lane: seconds of audio.
const INBOX: usize = 512;
/// A transport that does not give up by itself is given up on.
const CONNECT: Duration = Duration::from_secs(40);
pub(super) const COOL_DOWN: Duration = Duration::from_secs(30);
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
pub(super) enum End {
    Closed,
    Lost,
    NotAnswering,
    WrongDevice,
}

struct Listener(mpsc::Sender<LinkEvent>);

impl LinkListener for Listener {
    fn event(&self, event: LinkEvent) {
        // A full inbox loses the packet, and the counters in the packets will tell. A loss is told by closing.
        let _ = self.0.try_send(event);
    }
}

/// What an open connection has done so far.
pub(super) struct Session {
    pub(super) link: Arc<dyn Link>,
    pub(super) mtu: u16,
    pub(super) since: Instant,
    pub(super) heartbeat_due: Option<Instant>,
    pub(super) misses: u32,
    pub(super) page_failures: u32,
    pub(super) page_not_before: Option<Instant>,
}

/// Recoveries that outlive a connection, so that reconnecting does not refill them.
pub(super) struct Budgets {
    pub(super) refusals: Budget,
    pub(super) rearms: Budget,
    pub(super) hung: Budget,
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
            self.shared.clear(|old| concerns(*old, self.arm));
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
        if self.shared.wanted().deaf && self.shared.device.model().listens_on(self.arm) {
            self.shared.ear.end();
        }
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
}

/// Whether a trouble is about the link to `arm`, and over when the arm is up.
pub(super) fn concerns(trouble: Trouble, of: Arm) -> bool {
    match trouble {
        Trouble::NotFound(arm)
        | Trouble::HeldElsewhere(arm)
        | Trouble::PairingRefused(arm)
        | Trouble::BondLost(arm)
        | Trouble::LinkLost(arm)
        | Trouble::BatteryDead(arm)
        | Trouble::NotAnswering(arm)
        | Trouble::WrongDevice(arm) => arm == of,
        Trouble::NoBluetooth | Trouble::BluetoothOff | Trouble::NoPermission => true,
        Trouble::MtuTooSmall { .. } | Trouble::MicrophoneRefused | Trouble::MicrophoneSilent => false,
    }
}

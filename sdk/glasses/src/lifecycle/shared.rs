use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, oneshot, watch};
use tokio::time::Instant;
use uuid::Uuid;

use super::status::{ArmState, ArmStatus, MicrophoneState, Status};
use crate::microphone::Ear;
use crate::{Arm, Device, Driver, Event, Outcome, Received, ReplyKey, Screen, Trouble};

/// What all lanes and the handle know together. Locks are held for moments, never across an await.
pub(super) struct Shared {
    pub(super) device: Arc<dyn Device>,
    driver: Mutex<Box<dyn Driver>>,
    wanted: Mutex<Wanted>,
    lanes: Vec<(Arm, Mutex<Lane>, Notify)>,
    status: watch::Sender<Status>,
    events: broadcast::Sender<Event>,
    pub(super) ear: Ear,
    started: Instant,
    /// One pairing request at a time.
    pub(super) pairing: tokio::sync::Mutex<()>,
    /// A person wants it tried now.
    pub(super) retry: Notify,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) microphone: bool,
    /// The microphone's stream ends once it is off.
    pub(super) deaf: bool,
    pub(super) screen: Screen,
    /// Counts screens; 0 before the first one.
    pub(super) revision: u64,
    pub(super) closing: bool,
}

/// What is known of one arm's firmware.
#[derive(Default)]
pub(super) struct Lane {
    /// `None` when not known, as after connecting.
    pub(super) microphone: Option<bool>,
    pub(super) microphone_at: Option<Instant>,
    /// The revision shown, or given up on.
    pub(super) screen: Option<u64>,
    pub(super) up: bool,
    /// When anything last came from this arm.
    pub(super) heard: Option<Instant>,
    answer: Option<(ReplyKey, oneshot::Sender<Outcome>)>,
}

impl Shared {
    pub(super) fn new(device: Arc<dyn Device>) -> Self {
        let model = device.model();
        let arms =
            model.arms.iter().map(|&arm| ArmStatus { arm, state: ArmState::Connecting, battery: None });
        let status = Status { arms: arms.collect(), microphone: MicrophoneState::Off, troubles: Vec::new() };
        Self {
            driver: Mutex::new(device.driver()),
            wanted: Mutex::default(),
            lanes: model.arms.iter().map(|&arm| (arm, Mutex::default(), Notify::new())).collect(),
            status: watch::Sender::new(status),
            events: broadcast::Sender::new(64),
            ear: Ear::new(model.microphone.map(|microphone| microphone.format)),
            started: Instant::now(),
            pairing: tokio::sync::Mutex::new(()),
            retry: Notify::new(),
            device,
        }
    }

    pub(super) fn driver(&self) -> MutexGuard<'_, Box<dyn Driver>> {
        lock(&self.driver)
    }

    pub(super) fn wanted(&self) -> Wanted {
        lock(&self.wanted).clone()
    }

    /// Changes what is wanted, and sets every lane to work on it.
    pub(super) fn want(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut lock(&self.wanted));
        self.wake_all();
    }

    pub(super) fn wake_all(&self) {
        for (.., wake) in &self.lanes {
            wake.notify_one();
        }
    }

    pub(super) fn lane(&self, arm: Arm) -> MutexGuard<'_, Lane> {
        lock(&self.slot(arm).1)
    }

    pub(super) fn wake(&self, arm: Arm) -> &Notify {
        &self.slot(arm).2
    }

    fn slot(&self, arm: Arm) -> &(Arm, Mutex<Lane>, Notify) {
        self.lanes.iter().find(|(lane, ..)| *lane == arm).expect("a lane for every arm of the model")
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Changes the status; tells it only when it is another.
    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            *status != before
        });
    }

    pub(super) fn set_arm(&self, arm: Arm, state: ArmState) {
        self.update(|status| {
            if let Some(status) = status.arm_mut(arm) {
                status.state = state;
            }
        });
    }

    pub(super) fn set_microphone(&self, state: MicrophoneState) {
        self.update(|status| status.microphone = state);
    }

    pub(super) fn trouble(&self, trouble: Trouble) {
        self.update(|status| {
            if !status.troubles.contains(&trouble) {
                status.troubles.push(trouble);
            }
        });
    }

    pub(super) fn clear(&self, over: impl Fn(&Trouble) -> bool) {
        self.update(|status| status.troubles.retain(|trouble| !over(trouble)));
    }

    pub(super) fn battery(&self, arm: Arm) -> Option<u8> {
        self.status.borrow().arms.iter().find(|status| status.arm == arm).and_then(|status| status.battery)
    }

    /// Arms before `arm` that show things, are up, and have not been sent `revision`.
    pub(super) fn behind_earlier_arms(&self, arm: Arm, revision: u64) -> bool {
        let earlier = self.lanes.iter().take_while(|(lane, ..)| *lane != arm);
        earlier.filter(|(lane, ..)| self.device.model().displays_on(*lane)).any(|(_, lane, _)| {
            let lane = lock(lane);
            lane.up && lane.screen != Some(revision)
        })
    }

    /// Registers for a reply. It must be done before the request is written.
    pub(super) fn expect(&self, arm: Arm, key: ReplyKey) -> oneshot::Receiver<Outcome> {
        let (answer, reply) = oneshot::channel();
        self.lane(arm).answer = Some((key, answer));
        reply
    }

    /// Takes a packet to the driver, and what it said to where it belongs. Returns what is to be written back.
    pub(super) fn receive(&self, arm: Arm, characteristic: Uuid, value: &[u8]) -> Vec<Received> {
        let mut out = Vec::new();
        self.driver().receive(arm, characteristic, value, self.now(), &mut out);
        self.lane(arm).heard = Some(Instant::now());
        self.dispatch(arm, out)
    }

    /// No more audio comes for now.
    pub(super) fn pause_audio(&self, arm: Arm) {
        if self.device.model().carries_audio(arm) {
            let mut out = Vec::new();
            self.driver().audio_paused(&mut out);
            self.dispatch(arm, out);
            self.ear.interrupted();
        }
    }

    fn dispatch(&self, arm: Arm, received: Vec<Received>) -> Vec<Received> {
        let mut responses = Vec::new();
        for received in received {
            match received {
                Received::Reply { key, outcome } => self.answer(arm, key, outcome),
                Received::Audio { lost, frames } => self.ear.audio(lost, frames),
                Received::Format(format) => self.ear.set_format(format),
                Received::Event(event) => self.event(event),
                Received::Ended { screen, microphone } => self.ended(screen, microphone),
                Received::Malformed(what) => tracing::debug!(%arm, what, "malformed packet"),
                respond @ Received::Respond { .. } => responses.push(respond),
            }
        }
        responses
    }

    fn answer(&self, arm: Arm, key: ReplyKey, outcome: Outcome) {
        let mut lane = self.lane(arm);
        if lane.answer.as_ref().is_some_and(|(expected, _)| *expected == key)
            && let Some((_, answer)) = lane.answer.take()
        {
            let _ = answer.send(outcome);
        }
    }

    fn event(&self, event: Event) {
        if let Event::Battery { arm, percent } = event {
            self.update(|status| {
                if let Some(status) = status.arm_mut(arm) {
                    status.battery = Some(percent);
                }
            });
        }
        let _ = self.events.send(event);
    }

    fn ended(&self, screen: bool, microphone: bool) {
        for (_, lane, wake) in &self.lanes {
            let mut lane = lock(lane);
            if screen {
                lane.screen = None;
            }
            if microphone {
                lane.microphone = None;
            }
            wake.notify_one();
        }
        if screen {
            let _ = self.events.send(Event::LeftPage);
        }
    }
}

/// A panic elsewhere leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

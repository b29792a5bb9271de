use std::time::Duration;

use crate::{Arm, Trouble};

/// How the glasses are. Never the same twice in a row on [`crate::Glasses::status`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub arms: Vec<ArmStatus>,
    pub microphone: MicrophoneState,
    /// What is wrong now, with words and remedies.
    pub troubles: Vec<Trouble>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmStatus {
    pub arm: Arm,
    pub state: ArmState,
    /// Percent, as last told.
    pub battery: Option<u8>,
}

/// Where the link to one arm stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmState {
    Connecting,
    /// Connected; the opening sequence is under way.
    Opening,
    Ready,
    /// Down; the next attempt comes after `retry_in`.
    Waiting {
        attempt: u32,
        retry_in: Duration,
    },
    /// Down until [`crate::Glasses::retry`]: only the person can help.
    Blocked,
    Closed,
}

/// All arms in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlassesState {
    /// No arm is up yet.
    Connecting,
    Ready,
    /// One arm is up, the other is not: text on one lens, the microphone only if its arm is up.
    Degraded,
    /// No arm is up; they are tried again.
    Away,
    /// No arm is up, and only the person can help.
    Blocked,
    Closed,
}

/// What the microphone does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MicrophoneState {
    Off,
    /// Wanted, and not on: its arm is down, or was just asked.
    Starting,
    On,
    /// On, and no audio comes.
    Silent,
    /// The device would not, or the packets do not fit.
    Unavailable,
}

impl Status {
    pub fn state(&self) -> GlassesState {
        let ready = self.arms.iter().filter(|arm| arm.state == ArmState::Ready).count();
        let all = |wanted: fn(&ArmState) -> bool| self.arms.iter().all(|arm| wanted(&arm.state));
        if ready == self.arms.len() {
            GlassesState::Ready
        } else if ready > 0 {
            GlassesState::Degraded
        } else if all(|state| *state == ArmState::Closed) {
            GlassesState::Closed
        } else if all(|state| *state == ArmState::Blocked) {
            GlassesState::Blocked
        } else if self.arms.iter().any(|arm| matches!(arm.state, ArmState::Waiting { .. })) {
            GlassesState::Away
        } else {
            GlassesState::Connecting
        }
    }

    pub(super) fn arm_mut(&mut self, arm: Arm) -> Option<&mut ArmStatus> {
        self.arms.iter_mut().find(|status| status.arm == arm)
    }
}

//! What a device needs said and what its words mean. A driver does no I/O and keeps no time: the lifecycle does.

use std::time::Duration;

use uuid::Uuid;

use crate::{Arm, Event, Screen, ShowError, WriteKind};

/// The language of one device.
///
/// Commands become [`Step`]s, which the lifecycle carries out in order on the arm they were asked for; what the
/// device sends becomes [`Received`]. Everything is called with short locks held: nothing here may wait.
pub trait Driver: Send {
    /// Characteristics of `arm` to subscribe to after connecting.
    fn subscriptions(&self, arm: Arm) -> Vec<Uuid>;

    /// What brings a freshly connected arm up. `mtu` is the ATT MTU in force, bytes.
    ///
    /// Asked for `stage` 0, 1, 2 … until there is nothing left to do, so that a later stage can build on the
    /// replies to an earlier one.
    fn opening(&mut self, arm: Arm, mtu: u16, stage: u32) -> Vec<Step>;

    /// Turns the microphone on or off.
    fn microphone(&mut self, arm: Arm, on: bool) -> Vec<Step>;

    /// Shows `screen`. `revision` counts screens up and is the same on every arm.
    fn show(&mut self, arm: Arm, screen: &Screen, revision: u64) -> Result<Vec<Step>, ShowError>;

    /// Keeps the link alive, and proves that the firmware answers.
    fn heartbeat(&mut self, arm: Arm) -> Vec<Step>;

    /// Reads a packet. `now` is monotonic. Packets of any content are taken; what makes no sense is
    /// [`Received::Malformed`].
    fn receive(
        &mut self,
        arm: Arm,
        characteristic: Uuid,
        value: &[u8],
        now: Duration,
        out: &mut Vec<Received>,
    );

    /// The audio ends here for now (microphone off, link lost): hands on what was held back.
    fn audio_paused(&mut self, out: &mut Vec<Received>) {
        let _ = out;
    }

    /// The link to `arm` is gone, and with it what its firmware knew.
    fn disconnected(&mut self, arm: Arm) {
        let _ = arm;
    }
}

/// Something to do on an arm, and what has to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub action: Action,
    pub expect: Option<Expect>,
    /// Time to leave afterwards.
    pub pause: Duration,
}

/// What to do on an arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Write {
        characteristic: Uuid,
        value: Vec<u8>,
        kind: WriteKind,
    },
    /// The value is handed to [`Driver::receive`].
    Read {
        characteristic: Uuid,
    },
    /// Writes `first`, and on every second try `second`: for firmware that reads only one of two forms.
    Either {
        characteristic: Uuid,
        first: Vec<u8>,
        second: Vec<u8>,
    },
    /// Turns notifications on or off.
    Notify {
        characteristic: Uuid,
        on: bool,
    },
    /// Only waits for what is expected.
    Wait,
}

/// The reply a step is answered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect {
    pub reply: ReplyKey,
    pub within: Duration,
    /// How often the step is done before it counts as unanswered, 1 at least.
    pub tries: u32,
    /// Whether the next step is taken without the reply.
    pub optional: bool,
}

/// Tells a driver's replies apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplyKey(pub u32);

/// How the device answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The device understood and would not.
    Refused,
}

/// What a packet said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Reply {
        key: ReplyKey,
        outcome: Outcome,
    },
    /// `lost` frames went missing, then `frames` came.
    Audio {
        lost: u64,
        frames: Vec<Vec<u8>>,
    },
    Event(Event),
    /// The device wants this written back.
    Respond {
        characteristic: Uuid,
        value: Vec<u8>,
        kind: WriteKind,
    },
    /// The device ended its page, its microphone or both by itself.
    Ended {
        screen: bool,
        microphone: bool,
    },
    /// The frames are of another format than the model's, from here on.
    Format(glasslink_protocol::StreamFormat),
    /// The packet is not in the device's language; the words say what was wrong.
    Malformed(&'static str),
}

impl Step {
    /// Writes without response.
    pub fn send(characteristic: Uuid, value: impl Into<Vec<u8>>) -> Self {
        Self::act(Action::Write { characteristic, value: value.into(), kind: WriteKind::WithoutResponse })
    }

    /// Writes with response.
    pub fn request(characteristic: Uuid, value: impl Into<Vec<u8>>) -> Self {
        Self::act(Action::Write { characteristic, value: value.into(), kind: WriteKind::WithResponse })
    }

    pub fn read(characteristic: Uuid) -> Self {
        Self::act(Action::Read { characteristic })
    }

    /// Writes `first`, and on every second try `second`.
    pub fn either(characteristic: Uuid, first: Vec<u8>, second: Vec<u8>) -> Self {
        Self::act(Action::Either { characteristic, first, second })
    }

    /// Turns notifications on or off.
    pub fn notify(characteristic: Uuid, on: bool) -> Self {
        Self::act(Action::Notify { characteristic, on })
    }

    pub fn wait() -> Self {
        Self::act(Action::Wait)
    }

    fn act(action: Action) -> Self {
        Self { action, expect: None, pause: Duration::ZERO }
    }

    /// The step is answered by `reply` within `within`, and done up to `tries` times until it is.
    #[must_use]
    pub fn answered_by(mut self, reply: ReplyKey, within: Duration, tries: u32) -> Self {
        self.expect = Some(Expect { reply, within, tries: tries.max(1), optional: false });
        self
    }

    /// Goes on without the reply.
    #[must_use]
    pub fn or_not(mut self) -> Self {
        if let Some(expect) = &mut self.expect {
            expect.optional = true;
        }
        self
    }

    #[must_use]
    pub fn then_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }
}

use std::time::Duration;

use uuid::Uuid;

use crate::virtual_glasses::Voice;
use crate::{Advert, Arm, Bitmap, Event};

/// What runs on virtual glasses, all arms together. It does no I/O and keeps no time.
pub trait Firmware: Send {
    /// The peripherals, as they advertise and as their services look.
    fn peripherals(&self) -> Vec<Peripheral>;

    fn connected(&mut self, arm: Arm, mtu: u16);

    fn disconnected(&mut self, arm: Arm);

    /// The host turned notifications of a characteristic on or off.
    fn subscribed(&mut self, arm: Arm, characteristic: Uuid, on: bool) {
        let _ = (arm, characteristic, on);
    }

    /// `value` was written to `characteristic` of `arm`.
    fn written(
        &mut self,
        arm: Arm,
        characteristic: Uuid,
        value: &[u8],
        now: Duration,
        out: &mut Vec<Emission>,
    );

    /// The value of a characteristic that can be read.
    fn read(&mut self, arm: Arm, characteristic: Uuid) -> Vec<u8> {
        let _ = (arm, characteristic);
        Vec::new()
    }

    /// How often [`Firmware::tick`] is called.
    fn period(&self) -> Duration;

    /// A period is over; `voice` is what the microphone hears.
    fn tick(&mut self, now: Duration, voice: &Voice, out: &mut Vec<Emission>);

    /// The wearer does something.
    fn act(&mut self, event: Event, out: &mut Vec<Emission>);

    /// What the displays show.
    fn lenses(&self) -> Vec<Lens> {
        Vec::new()
    }
}

/// How a virtual pair is set up.
#[derive(Clone, Debug)]
pub struct FirmwareOptions {
    /// Tells one pair from another in names and addresses.
    pub number: u8,
    /// Percent.
    pub battery: u8,
    /// The microphone is refused while the display is taken, as on a G1 with a screen of its own open.
    pub microphone_refused: bool,
}

impl Default for FirmwareOptions {
    fn default() -> Self {
        Self { number: 52, battery: 87, microphone_refused: false }
    }
}

/// A peripheral of virtual glasses.
#[derive(Clone, Debug)]
pub struct Peripheral {
    pub arm: Arm,
    pub advert: Advert,
    pub services: Vec<Service>,
}

/// A GATT service.
#[derive(Clone, Debug)]
pub struct Service {
    pub uuid: Uuid,
    pub characteristics: Vec<Characteristic>,
}

/// A GATT characteristic and what can be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Characteristic {
    pub uuid: Uuid,
    pub read: bool,
    pub write: bool,
    pub notify: bool,
}

impl Characteristic {
    pub fn written(uuid: Uuid) -> Self {
        Self { uuid, read: false, write: true, notify: false }
    }

    pub fn notified(uuid: Uuid) -> Self {
        Self { uuid, read: false, write: false, notify: true }
    }

    pub fn readable(uuid: Uuid) -> Self {
        Self { uuid, read: true, write: false, notify: false }
    }
}

/// A notification the firmware hands to its radio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emission {
    pub arm: Arm,
    pub characteristic: Uuid,
    pub value: Vec<u8>,
    pub kind: EmissionKind,
    /// Time the firmware takes before it sends.
    pub after: Duration,
}

/// What a notification is for; faults choose by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmissionKind {
    Reply,
    Event,
    /// Carries the frames `first..first + count`, counted since the microphone was turned on, or a part of them;
    /// with the last part they are complete.
    Audio {
        first: u64,
        count: u64,
        complete: bool,
    },
}

/// What one lens shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    pub arm: Arm,
    pub lines: Vec<String>,
    pub bitmap: Option<Bitmap>,
}

impl Emission {
    /// Time a firmware takes to answer.
    pub const LATENCY: Duration = Duration::from_millis(15);

    pub fn reply(arm: Arm, characteristic: Uuid, value: impl Into<Vec<u8>>) -> Self {
        Self { arm, characteristic, value: value.into(), kind: EmissionKind::Reply, after: Self::LATENCY }
    }

    pub fn event(arm: Arm, characteristic: Uuid, value: impl Into<Vec<u8>>) -> Self {
        Self { arm, characteristic, value: value.into(), kind: EmissionKind::Event, after: Duration::ZERO }
    }

    pub fn audio(arm: Arm, characteristic: Uuid, value: impl Into<Vec<u8>>, first: u64, count: u64) -> Self {
        let kind = EmissionKind::Audio { first, count, complete: true };
        Self { arm, characteristic, value: value.into(), kind, after: Duration::ZERO }
    }

    /// Marks a packet whose frame goes on in the next one.
    #[must_use]
    pub fn incomplete(mut self) -> Self {
        if let EmissionKind::Audio { complete, .. } = &mut self.kind {
            *complete = false;
        }
        self
    }
}

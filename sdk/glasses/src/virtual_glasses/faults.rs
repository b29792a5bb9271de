use std::time::Duration;

use crate::Arm;

/// What goes wrong with virtual glasses, by itself or when told to.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Chooses the packets that are lost; the same seed loses the same ones.
    pub seed: u64,
    /// Share of audio packets that are lost on the air.
    pub packet_loss: f64,
    /// Share of audio packets that change places with the next one.
    pub reorder: f64,
    /// The largest ATT MTU the link allows, bytes.
    pub mtu: u16,
    /// When what happens, counted from the start of the virtual glasses.
    pub script: Vec<(Duration, Fault)>,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// The link to an arm breaks; it advertises again after `back`.
    LoseArm {
        arm: Arm,
        back: Duration,
    },
    /// The arm is connected to another phone until [`Fault::Release`].
    HoldElsewhere(Arm),
    Release(Arm),
    /// The next replies of an arm are lost.
    LoseReplies {
        arm: Arm,
        count: u32,
    },
    /// The next replies of an arm come late.
    DelayReplies {
        arm: Arm,
        count: u32,
        by: Duration,
    },
    /// The next replies and events of an arm are sent twice.
    Duplicate {
        arm: Arm,
        count: u32,
    },
    /// The arm's next link breaks with the so manieth write from now.
    BreakAfterWrites {
        arm: Arm,
        writes: u32,
    },
    /// The battery runs out: the arm tells of 1 %, and is gone.
    BatteryDead(Arm),
    /// The arm refuses to pair until [`Fault::Release`].
    RefusePairing(Arm),
    /// The Bluetooth of this computer is off for so long.
    AdapterOff(Duration),
}

impl Default for Faults {
    /// Nothing goes wrong.
    fn default() -> Self {
        Self { seed: 1, packet_loss: 0.0, reorder: 0.0, mtu: 517, script: Vec::new() }
    }
}

/// `xorshift64*`: enough to choose packets with, and the same everywhere.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// True with a probability of `share`.
    pub(super) fn roll(&mut self, share: f64) -> bool {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        (number as f64) < share * (1_u64 << 53) as f64
    }
}

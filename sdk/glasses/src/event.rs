use crate::Arm;

/// What the wearer or the device did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    Gesture(Gesture),
    /// The wearer looked up, or down again.
    HeadUp(bool),
    /// The device was put on, or taken off.
    Worn(bool),
    /// The battery of one arm, percent.
    Battery {
        arm: Arm,
        percent: u8,
    },
    Charging(bool),
    Case(CaseState),
    /// The battery of the case, percent.
    CaseBattery(u8),
    /// The device went back to its own screen: what was shown is gone, and is shown again where it can be.
    LeftPage,
}

/// A touch or a press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gesture {
    Tap(Arm),
    DoubleTap(Arm),
    TripleTap(Arm),
    /// Held down, and let go.
    Hold(Arm),
    Release(Arm),
    ScrollUp,
    ScrollDown,
}

/// Where the glasses are, as their case tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseState {
    Out,
    InOpen,
    InClosed,
}

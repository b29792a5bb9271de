use glasslink_glasses as core;

/// One Bluetooth peripheral of a pair of glasses, as the wearer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Arm {
    Left,
    Right,
    /// The device is a single peripheral.
    Only,
}

/// What the wearer or the device did.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum GlassesEvent {
    /// A touch or a press; on which arm, where that is told.
    Gesture {
        kind: GestureKind,
        arm: Option<Arm>,
    },
    /// The wearer looked up, or down again.
    HeadUp {
        is_up: bool,
    },
    /// The device was put on, or taken off.
    Worn {
        is_worn: bool,
    },
    /// The battery of one arm, percent.
    Battery {
        arm: Arm,
        percent: u8,
    },
    Charging {
        is_charging: bool,
    },
    Case {
        state: CaseState,
    },
    /// The battery of the case, percent.
    CaseBattery {
        percent: u8,
    },
    /// The device went back to its own screen; what was shown is shown again where it can be.
    LeftPage,
    /// Something that this version does not tell apart.
    Unknown {
        code: String,
    },
}

/// A kind of touch.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum GestureKind {
    Tap,
    DoubleTap,
    TripleTap,
    Hold,
    Release,
    ScrollUp,
    ScrollDown,
    Unknown { code: String },
}

/// Where the glasses are, as their case tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum CaseState {
    Out,
    InOpen,
    InClosed,
}

impl From<core::Arm> for Arm {
    fn from(arm: core::Arm) -> Self {
        match arm {
            core::Arm::Left => Self::Left,
            core::Arm::Right => Self::Right,
            core::Arm::Only => Self::Only,
        }
    }
}

impl From<Arm> for core::Arm {
    fn from(arm: Arm) -> Self {
        match arm {
            Arm::Left => Self::Left,
            Arm::Right => Self::Right,
            Arm::Only => Self::Only,
        }
    }
}

impl From<core::Event> for GlassesEvent {
    fn from(event: core::Event) -> Self {
        use core::Event as Core;
        match event {
            Core::Gesture(gesture) => gesture.into(),
            Core::HeadUp(is_up) => Self::HeadUp { is_up },
            Core::Worn(is_worn) => Self::Worn { is_worn },
            Core::Battery { arm, percent } => Self::Battery { arm: arm.into(), percent },
            Core::Charging(is_charging) => Self::Charging { is_charging },
            Core::Case(state) => Self::Case { state: state.into() },
            Core::CaseBattery(percent) => Self::CaseBattery { percent },
            Core::LeftPage => Self::LeftPage,
            other => Self::Unknown { code: format!("{other:?}") },
        }
    }
}

impl From<core::Gesture> for GlassesEvent {
    fn from(gesture: core::Gesture) -> Self {
        use core::Gesture as Core;
        let (kind, arm) = match gesture {
            Core::Tap(arm) => (GestureKind::Tap, Some(arm)),
            Core::DoubleTap(arm) => (GestureKind::DoubleTap, Some(arm)),
            Core::TripleTap(arm) => (GestureKind::TripleTap, Some(arm)),
            Core::Hold(arm) => (GestureKind::Hold, Some(arm)),
            Core::Release(arm) => (GestureKind::Release, Some(arm)),
            Core::ScrollUp => (GestureKind::ScrollUp, None),
            Core::ScrollDown => (GestureKind::ScrollDown, None),
            other => (GestureKind::Unknown { code: format!("{other:?}") }, None),
        };
        Self::Gesture { kind, arm: arm.map(Into::into) }
    }
}

impl From<core::CaseState> for CaseState {
    fn from(state: core::CaseState) -> Self {
        match state {
            core::CaseState::Out => Self::Out,
            core::CaseState::InOpen => Self::InOpen,
            core::CaseState::InClosed => Self::InClosed,
        }
    }
}

//! What a wearer's device can do, and what happens to it.

use serde::{Deserialize, Serialize};

/// What a device can do. All of it may be left out; what is left out it cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// As its maker writes it.
    pub model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<DisplaySize>,
    pub microphone: bool,
    pub speaker: bool,
    pub camera: bool,
    /// It tells of presses, of touches, of the head's position, and of its battery.
    pub buttons: bool,
    pub touch: bool,
    pub head: bool,
    pub battery: bool,
}

/// What fits on a display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplaySize {
    /// Pixels.
    pub width: u16,
    pub height: u16,
    /// Lines of text.
    pub lines: u16,
    /// Whether it shows pictures.
    #[serde(default)]
    pub bitmaps: bool,
}

/// What the wearer or the device did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum DeviceEvent {
    /// The program has the device, or has it no more.
    Connection {
        connected: bool,
    },
    /// Percent, and whether it is being charged.
    Battery {
        level: u8,
        charging: bool,
    },
    /// The wearer looks up, or down again.
    Head {
        up: bool,
    },
    /// `button` is the device's name for it.
    Button {
        button: String,
        press: Press,
    },
    Touch {
        gesture: Touch,
    },
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Press {
    Short,
    Long,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touch {
    SingleTap,
    DoubleTap,
    TripleTap,
    LongPress,
    ForwardSwipe,
    BackwardSwipe,
    UpSwipe,
    DownSwipe,
    #[serde(other)]
    Unknown,
}

impl DeviceEvent {
    /// Whether it says how something is, rather than that something happened: the last one stays true.
    pub fn is_state(&self) -> bool {
        matches!(self, Self::Connection { .. } | Self::Battery { .. } | Self::Head { .. })
    }

    /// Whether it says something about the same thing.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

use std::time::Duration;

use glasslink_protocol::StreamFormat;

use crate::{Arm, Metrics};

/// A kind of device and what it can do, as data.
#[derive(Clone, Debug)]
pub struct Model {
    /// Stable and short, as in files and on command lines: `even-g1`.
    pub id: &'static str,
    /// As its maker writes it.
    pub name: &'static str,
    /// In the order they are connected and written to.
    pub arms: &'static [Arm],
    /// Whether the peripherals want a bond before they talk.
    pub bonded: bool,
    /// ATT MTU to ask for, bytes.
    pub mtu: u16,
    pub display: Option<Display>,
    pub microphone: Option<MicrophoneModel>,
    pub battery: bool,
    /// Tells of its charging case.
    pub case: bool,
    pub touch: bool,
    /// Tells when the wearer looks up.
    pub head_up: bool,
    /// Tells when it is put on and taken off.
    pub wear: bool,
    /// How often an idle link is kept alive; `None` where nothing is needed.
    pub heartbeat: Option<Duration>,
}

/// A display for text and perhaps bitmaps.
#[derive(Clone, Debug)]
pub struct Display {
    /// The arms that are written to in order to show something. Those not listed follow by themselves.
    pub arms: &'static [Arm],
    /// Pixels.
    pub width: u16,
    pub height: u16,
    pub text: TextArea,
    pub bitmap: Option<BitmapFormat>,
    /// The shortest time between two pages.
    pub refresh: Duration,
}

/// Where text goes.
#[derive(Clone, Debug)]
pub struct TextArea {
    /// Pixels a line may take.
    pub width: u16,
    pub lines: usize,
    /// UTF-8 bytes the device holds for a page, line ends included.
    pub page_bytes: usize,
    pub metrics: Metrics,
}

/// The picture a device takes, in pixels and bits a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitmapFormat {
    pub width: u16,
    pub height: u16,
    pub depth: u8,
}

/// A microphone and what its frames are.
#[derive(Clone, Copy, Debug)]
pub struct MicrophoneModel {
    /// The arm that is told to listen, and without which there is no audio.
    pub arm: Arm,
    /// The arms that may carry its audio.
    pub carriers: &'static [Arm],
    pub format: StreamFormat,
    /// The smallest ATT MTU that carries an audio packet, bytes.
    pub mtu: u16,
    /// A microphone that is on is told so again this often; some firmware forgets.
    pub refresh: Option<Duration>,
}

impl Model {
    /// Whether `arm` shows what it is sent.
    pub fn displays_on(&self, arm: Arm) -> bool {
        self.display.as_ref().is_some_and(|display| display.arms.contains(&arm))
    }

    /// Whether `arm` is told to listen.
    pub fn listens_on(&self, arm: Arm) -> bool {
        self.microphone.is_some_and(|microphone| microphone.arm == arm)
    }

    /// Whether audio may come from `arm`.
    pub fn carries_audio(&self, arm: Arm) -> bool {
        self.microphone.is_some_and(|microphone| microphone.carriers.contains(&arm))
    }
}

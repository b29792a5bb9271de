use std::fmt;

/// Names a device, in a form that can be kept and finds it again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(String);

impl DeviceId {
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that can be recorded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputDevice {
    pub id: DeviceId,
    /// What a person calls it.
    pub name: String,
    pub kind: InputKind,
    /// The one of its kind that the system uses when nothing is chosen.
    pub is_default: bool,
}

/// What a device hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputKind {
    Microphone,
    /// What the computer plays: silent while nothing plays.
    SystemAudio,
}

/// Which device is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The system's default of a kind, whichever that is at the time.
    Default(InputKind),
    /// This one, and while it is away the system's default of its kind.
    Device(DeviceId),
}

impl Default for DeviceChoice {
    fn default() -> Self {
        Self::Default(InputKind::Microphone)
    }
}

impl DeviceChoice {
    /// The device of `devices` that is wanted.
    pub(crate) fn find<'a>(&self, devices: &'a [InputDevice]) -> Option<&'a InputDevice> {
        match self {
            Self::Default(kind) => default_of(*kind, devices),
            Self::Device(id) => devices.iter().find(|device| device.id == *id),
        }
    }
}

/// The default of a kind; where the system's default is of the other kind, the first that is not.
pub(crate) fn default_of(kind: InputKind, devices: &[InputDevice]) -> Option<&InputDevice> {
    let mut of_kind = devices.iter().filter(|device| device.kind == kind);
    of_kind.clone().find(|device| device.is_default).or_else(|| of_kind.next())
}

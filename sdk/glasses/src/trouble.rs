use crate::{Arm, TransportError};

/// What keeps the glasses from doing their whole job, with words for a person and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trouble {
    NoBluetooth,
    BluetoothOff,
    NoPermission,
    NotFound(Arm),
    HeldElsewhere(Arm),
    PairingRefused(Arm),
    BondLost(Arm),
    LinkLost(Arm),
    BatteryDead(Arm),
    /// Connected, and its firmware says nothing.
    NotAnswering(Arm),
    /// Text passes, audio packets do not fit.
    MtuTooSmall {
        mtu: u16,
        needed: u16,
    },
    MicrophoneRefused,
    /// The microphone is on and nothing comes.
    MicrophoneSilent,
    /// Another device than expected, or a firmware this driver does not know.
    WrongDevice(Arm),
}

impl Trouble {
    /// One sentence, for a person.
    pub fn words(self) -> String {
        match self {
            Self::NoBluetooth => "This computer has no Bluetooth service running.".into(),
            Self::BluetoothOff => "Bluetooth is off.".into(),
            Self::NoPermission => "This program may not use Bluetooth.".into(),
            Self::NotFound(arm) => format!("The {arm} is not in sight."),
            Self::HeldElsewhere(arm) => format!("The {arm} is connected to another phone or computer."),
            Self::PairingRefused(arm) => format!("The {arm} refused to pair."),
            Self::BondLost(arm) => format!("The {arm} has forgotten this computer."),
            Self::LinkLost(arm) => format!("The link to the {arm} was lost."),
            Self::BatteryDead(arm) => format!("The battery of the {arm} is empty."),
            Self::NotAnswering(arm) => format!("The {arm} is connected but does not answer."),
            Self::MtuTooSmall { mtu, needed } => {
                format!("The Bluetooth packets are too small for audio: {mtu} bytes, {needed} are needed.")
            }
            Self::MicrophoneRefused => "The glasses refused to turn their microphone on.".into(),
            Self::MicrophoneSilent => "The microphone is on, but no sound arrives.".into(),
            Self::WrongDevice(arm) => format!("The {arm} does not speak the language of this model."),
        }
    }

    /// What the person can do.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NoBluetooth => "Start it; on Linux: sudo systemctl start bluetooth.",
            Self::BluetoothOff => "Switch Bluetooth on.",
            Self::NoPermission => "Allow this program to use Bluetooth in the system's settings.",
            Self::NotFound(_) => {
                "Bring it near, charge it, or open and close the case; disconnect it from other phones."
            }
            Self::HeldElsewhere(_) => {
                "Disconnect or forget it there, then put it in its case and take it out."
            }
            Self::PairingRefused(_) => "Put it into pairing mode and accept the request on this computer.",
            Self::BondLost(_) => "Remove it from this computer's Bluetooth devices and pair again.",
            Self::LinkLost(_) => "Nothing: it is being reconnected. Bring it near if this takes long.",
            Self::BatteryDead(_) => "Charge the glasses; they are reconnected afterwards.",
            Self::NotAnswering(_) => "Put the glasses into their case for a moment, or restart them.",
            Self::MtuTooSmall { .. } => "Use a Bluetooth 4.2 adapter or newer; text works with this one.",
            Self::MicrophoneRefused => "Close what is open on the glasses' display; it is asked again.",
            Self::MicrophoneSilent => "Take the glasses off and on, or restart them.",
            Self::WrongDevice(_) => "Update the glasses' firmware, or choose the right model.",
        }
    }

    pub(crate) fn from_transport(error: &TransportError, arm: Arm) -> Self {
        match error {
            TransportError::NoService => Self::NoBluetooth,
            TransportError::AdapterOff => Self::BluetoothOff,
            TransportError::Permission => Self::NoPermission,
            TransportError::NotFound => Self::NotFound(arm),
            TransportError::HeldElsewhere => Self::HeldElsewhere(arm),
            TransportError::PairingRefused => Self::PairingRefused(arm),
            TransportError::BondLost => Self::BondLost(arm),
            TransportError::NoCharacteristic(_) => Self::WrongDevice(arm),
            TransportError::Timeout => Self::NotAnswering(arm),
            TransportError::Lost | TransportError::Busy | TransportError::Other(_) => Self::LinkLost(arm),
        }
    }
}

use super::{DeviceCause, InputDevice};

/// What a microphone does. Never told twice in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MicrophoneState {
    /// It is being opened; no audio has come yet.
    Opening,
    /// Audio comes. `instead`: from another device than the one that was chosen, because that one is away.
    Capturing { device: InputDevice, instead: bool },
    /// What comes is nothing but zeros: it is muted, or the system gives this program no audio.
    Silent { device: InputDevice, instead: bool },
    /// Nothing is captured; the time counts as a gap. It is looked for all the time, unless it was `given_up`: then only
    /// when a device is plugged in, or somebody asks ([`MicrophoneControl::rearm`](super::MicrophoneControl::rearm)).
    Away { cause: DeviceCause, given_up: bool },
    /// Somebody paused it; the device is closed.
    Paused,
    /// It is at its end.
    Stopped,
}

impl MicrophoneState {
    /// What to tell a person.
    pub fn words(&self) -> String {
        match self {
            Self::Opening => "opening the microphone".into(),
            Self::Capturing { device, instead: false } => format!("recording from {}", device.name),
            Self::Capturing { device, instead: true } => {
                format!("the chosen microphone is away; recording from {}", device.name)
            }
            Self::Silent { device, .. } => format!("{} gives nothing but silence", device.name),
            Self::Away { cause, given_up: false } => format!("{cause}; looking for it"),
            Self::Away { cause, given_up: true } => cause.to_string(),
            Self::Paused => "paused".into(),
            Self::Stopped => "stopped".into(),
        }
    }

    /// What to do about it; `None` when all is well.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Silent { .. } => {
                Some("unmute it, and allow this program to use the microphone in the system's settings")
            }
            Self::Away { cause, .. } => Some(cause.remedy()),
            Self::Capturing { instead: true, .. } => {
                Some("plug the chosen one in again, or choose another one")
            }
            _ => None,
        }
    }
}

/// What happened to a microphone so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MicrophoneStats {
    /// Times the device failed or went away, each counted once.
    pub failures: u64,
    /// Times it gave no audio for 3 s.
    pub stalls: u64,
    /// Times a device was opened again after it had failed.
    pub rearms: u64,
    /// Failures after which audio came again, from whichever device.
    pub recoveries: u64,
    /// Failures that outlasted every attempt.
    pub given_up: u64,
    /// How much faster the device's clock runs than the computer's, in millionths; `None` in the first minute.
    pub drift_ppm: Option<f64>,
}

/// Why a microphone cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenMicrophoneError {
    /// The device, or the sound system; the cause says what to do.
    #[error("{cause}; {}", cause.remedy())]
    Device { cause: DeviceCause },
    /// Frames of 10 ms at 8,000 to 48,000 Hz can be made, at whole hundreds of hertz.
    #[error("a microphone cannot give {0} Hz: 8000 to 48000 Hz, at whole hundreds, can be")]
    SampleRate(u32),
}

use super::capture::{CaptureSink, ErrorSink};
use super::{DeviceId, InputDevice};

/// The system's sound devices. It is called on a thread of its own, on which it may block, or hang.
pub trait InputHost: Send {
    /// Every device that can be recorded from, once.
    fn devices(&mut self) -> Result<Vec<InputDevice>, HostError>;

    /// What a device delivers.
    fn native_format(&mut self, device: &DeviceId) -> Result<NativeFormat, HostError>;

    /// Opens `device` in its native format, and starts it: its callbacks give audio to `sink` and failures to `errors`.
    /// Dropping what is returned stops it.
    fn open(
        &mut self,
        device: &DeviceId,
        sink: CaptureSink,
        errors: ErrorSink,
    ) -> Result<Box<dyn OpenDevice>, HostError>;
}

/// A device that captures until this is dropped.
pub trait OpenDevice: Send {}

/// What a device delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeFormat {
    /// Hertz.
    pub sample_rate: u32,
    pub channels: u16,
}

/// Why devices cannot be listed, or one not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}: {message}")]
pub struct HostError {
    pub cause: DeviceCause,
    /// The system's own words.
    pub message: String,
}

/// Why nothing is captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceCause {
    /// There is nothing to record from.
    #[error("no microphone was found")]
    NoDevice,
    /// Unplugged, switched off, or out of reach.
    #[error("the microphone was unplugged")]
    Unplugged,
    /// The system's sound server does not answer, or ended.
    #[error("the sound server is not running")]
    NoServer,
    /// Another program has it.
    #[error("another program uses the microphone")]
    Busy,
    /// The system does not let this program record.
    #[error("this program may not use the microphone")]
    Denied,
    /// No audio came for 3 s, or opening it took longer than 5 s.
    #[error("the microphone gives no audio")]
    Stalled,
    /// It delivers nothing that can be converted.
    #[error("the microphone's format is not supported")]
    Unsupported,
    /// Anything else.
    #[error("the microphone failed")]
    Failed,
}

impl DeviceCause {
    /// What to do about it, for a person.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NoDevice => "plug a microphone in",
            Self::Unplugged => "plug it in again, or choose another one",
            Self::NoServer => "start the sound server: PipeWire or PulseAudio on Linux",
            Self::Busy => "end the other program, or choose another microphone",
            Self::Denied => "allow this program to use the microphone in the system's settings",
            Self::Stalled => "unplug it and plug it in again, or choose another one",
            Self::Unsupported | Self::Failed => "choose another microphone",
        }
    }

    /// Whether a device may be there, and has failed.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        const ALL: [DeviceCause; 8] = [
            DeviceCause::NoDevice,
            DeviceCause::Unplugged,
            DeviceCause::NoServer,
            DeviceCause::Busy,
            DeviceCause::Denied,
            DeviceCause::Stalled,
            DeviceCause::Unsupported,
            DeviceCause::Failed,
        ];
        ALL.into_iter().find(|cause| cause.to_byte() == byte)
    }

    pub(crate) fn to_byte(self) -> u8 {
        self as u8 + 1
    }
}

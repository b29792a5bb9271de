//! Smart glasses over Bluetooth LE, and virtual ones.

mod arm;
#[cfg(feature = "btleplug")]
mod btleplug;
mod captions;
mod continuity;
mod devices;
mod discovery;
mod driver;
mod event;
mod lifecycle;
mod microphone;
mod model;
mod registry;
mod remembered;
mod screen;
#[cfg(test)]
mod test_data;
mod transport;
mod trouble;
pub mod virtual_glasses;
mod wire;

pub use arm::Arm;
#[cfg(feature = "btleplug")]
pub use btleplug::BtleplugTransport;
pub use captions::{Captions, Metrics};
pub use discovery::{Found, Incomplete, discover};
pub use driver::{Action, Driver, Expect, Outcome, Received, ReplyKey, Step};
pub use event::{CaseState, Event, Gesture};
pub use lifecycle::{ArmState, ArmStatus, Glasses, GlassesState, MicrophoneState, Status};
pub use microphone::Microphone;
pub use model::{BitmapFormat, Display, MicrophoneModel, Model, TextArea};
pub use registry::{Device, Registry, Sighting, Unsupported};
pub use remembered::{Remembered, RememberedDevices, RememberedError};
pub use screen::{Bitmap, Screen, ShowError};
pub use transport::{
    Advert, Link, LinkEvent, LinkListener, LossReason, PeripheralId, ScanListener, Transport, TransportError,
    WriteKind,
};
pub use trouble::Trouble;

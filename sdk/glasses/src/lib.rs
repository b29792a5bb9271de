//! Smart glasses over Bluetooth LE, and virtual ones.

mod arm;
mod captions;
mod continuity;
mod devices;
mod driver;
mod event;
mod model;
mod registry;
mod screen;
mod transport;
mod trouble;
pub mod virtual_glasses;
mod wire;

pub use arm::Arm;
pub use captions::{Captions, Metrics};
pub use driver::{Action, Driver, Expect, Outcome, Received, ReplyKey, Step};
pub use event::{CaseState, Event, Gesture};
pub use model::{BitmapFormat, Display, MicrophoneModel, Model, TextArea};
pub use registry::{Device, Registry, Sighting, Unsupported};
pub use screen::{Bitmap, Screen, ShowError};
pub use transport::{
    Advert, Link, LinkEvent, LinkListener, LossReason, PeripheralId, ScanListener, Transport, TransportError,
    WriteKind,
};
pub use trouble::Trouble;

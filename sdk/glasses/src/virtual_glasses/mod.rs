//! Glasses without hardware: firmware that is as hard to please as the real one, and faults on demand.

mod encoder;
mod faults;
mod firmware;
mod ledger;
mod radio;
mod voice;
mod world;

pub(crate) use encoder::FrameEncoder;
pub use faults::{Fault, Faults};
pub use firmware::{
    Characteristic, Emission, EmissionKind, Firmware, FirmwareOptions, Lens, Peripheral, Service,
};
pub use ledger::RadioLedger;
pub use radio::VirtualGlasses;
pub use voice::Voice;

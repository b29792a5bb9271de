//! Glasses without hardware: firmware that is as hard to please as the real one, and faults on demand.

mod encoder;
mod firmware;
mod voice;

pub(crate) use encoder::FrameEncoder;
pub use firmware::{
    Characteristic, Emission, EmissionKind, Firmware, FirmwareOptions, Lens, Peripheral, Service,
};
pub use voice::Voice;

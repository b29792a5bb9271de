//! Keeps glasses connected and in the state that is wanted, whatever they and the radio do.

mod budget;
mod glasses;
mod lane;
mod shared;
mod status;
#[cfg(test)]
mod tests;

pub use glasses::Glasses;
pub use status::{ArmState, ArmStatus, GlassesState, MicrophoneState, Status};

//! Keeps glasses connected and in the state that is wanted, whatever they and the radio do.

mod budget;
mod glasses;
mod job;
mod lane;
mod session;
mod shared;
mod status;
#[cfg(test)]
mod tests;

pub use glasses::Glasses;
pub use status::{ArmState, ArmStatus, GlassesState, MicrophoneState, Status};

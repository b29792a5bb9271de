//! Brilliant Labs' Frame and Halo: a Lua prompt over Bluetooth, and a program of ours that runs on it.

mod device;
mod driver;
mod firmware;
mod program;
mod protocol;
#[cfg(test)]
mod vectors;

pub(crate) use device::{Frame, Halo};

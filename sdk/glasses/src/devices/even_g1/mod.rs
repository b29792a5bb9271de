//! Even Realities G1: two arms, each a Nordic UART of its own; LC3 from the right one.

mod bitmap;
mod device;
mod driver;
mod firmware;
mod protocol;
#[cfg(test)]
mod vectors;

pub(crate) use device::EvenG1;

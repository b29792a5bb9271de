//! Even Realities G2: two arms, an envelope with a checksum, protobuf in it; LC3 from either arm.

mod device;
mod driver;
mod envelope;
mod firmware;
mod messages;
#[cfg(test)]
mod vectors;

pub(crate) use device::EvenG2;

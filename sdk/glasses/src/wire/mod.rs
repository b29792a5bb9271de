//! Encodings that several devices share.

pub(crate) mod crc;
pub(crate) mod protobuf;

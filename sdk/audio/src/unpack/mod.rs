//! Audio as programs of other people send it.

mod flac;
mod g711;
mod ogg;
mod opus_packet;
mod unpacker;
mod wav;

pub use opus_packet::opus_packet_samples;
pub use unpacker::{NotAudio, Packing, Unpacked, Unpacker};

//! The two ends of a frame.
//!
//! Arithmetic-coded symbols grow from the first byte forwards; plain bits from the last byte backwards, the
//! least significant first. The frame is full where the two meet.

mod reader;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

/// A probability model: cumulative frequencies of 17 symbols out of 1024, and 1024 three times more.
pub(crate) type Model = [u16; 20];

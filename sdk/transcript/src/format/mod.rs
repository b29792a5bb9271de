//! The five formats a transcript is written in and read from.

mod json;
mod line;
mod markdown;
mod srt;
mod time;
mod txt;
mod vtt;

mod api;

pub use api::{Format, ImportError, UnknownFormat, export, import};

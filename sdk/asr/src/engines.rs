//! One file or folder an engine.

mod moonshine;

pub use moonshine::Moonshine;

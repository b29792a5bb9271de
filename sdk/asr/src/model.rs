//! The speech model: where it is, whether it is whole, and how to get it.

mod dir;
mod files;

pub use dir::{ModelDir, ModelError};
pub use files::{File, MODEL_NAME};

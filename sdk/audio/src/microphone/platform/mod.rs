//! What differs between systems.

mod cpal;
mod names;

pub(super) use cpal::CpalHost;

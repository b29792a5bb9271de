//! What arrives while people speak, brought into order.

mod api;
mod gaps;
mod stream;

pub use api::{Continues, LivePartial, Timeline, TimelineError};

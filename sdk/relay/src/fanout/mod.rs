//! What a session has for apps, on its way to them: as it came, as samples, and as text.

mod audience;
mod decoding;
mod device;
mod hub;
mod pool;
mod tap;
mod told;

pub(crate) use hub::{Hub, Subscribe, Unsubscribe};
pub(crate) use pool::DecodePool;

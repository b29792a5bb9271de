//! Captions on a small display.

mod metrics;
mod pages;

pub use metrics::Metrics;
pub use pages::Captions;

//! Client and relay as processes, as people run them: what the tests of this package share.

mod log;
mod network;
mod probe;
mod process;
mod programs;
mod relay;
mod replay;
mod scene;
mod speech;
mod tls;
mod upgrades;
mod words;

pub use network::{Network, Wire};
pub use probe::{Line, Probe};
pub use process::{Finished, LIMIT, descriptors, peak_memory, present_memory, run};
pub use programs::{probe_program, record_program, relay_program, replay_program};
pub use relay::{RelayProcess, TOKEN};
pub use replay::{Report, replay};
pub use scene::{Scene, leeway, percentile};
pub use speech::{Clip, speech};
pub use tls::Certificate;
pub use upgrades::StripsUpgrades;
pub use words::error_rate;

/// The example in the README is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

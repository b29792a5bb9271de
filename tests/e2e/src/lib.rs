//! Client and relay as processes, as people run them: what the tests of this package share.

mod process;
mod programs;
mod relay;
mod replay;
mod speech;
mod tls;
mod upgrades;
mod words;

pub use process::{Finished, LIMIT, peak_memory, run};
pub use programs::{relay_program, replay_program};
pub use relay::RelayProcess;
pub use replay::{Report, replay};
pub use speech::{Clip, speech};
pub use tls::Certificate;
pub use upgrades::StripsUpgrades;
pub use words::error_rate;

/// The example in the README is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

//! Both halves of a session, a bad pipe between them and the clock, in one thread: a seed decides every fault, and
//! the same seed gives the same trace, byte for byte. After every step the promises are checked.
//!
//! ```
//! use std::time::Duration;
//!
//! let outcome = glasslink_simulation::run(7, Duration::from_secs(60));
//! assert_eq!(outcome.violation, None);
//! assert_eq!(outcome.trace, glasslink_simulation::run(7, Duration::from_secs(60)).trace);
//! ```

mod capture;
mod check;
mod client_crash;
mod client_host;
mod coverage;
mod fault;
mod inject;
mod journal;
mod ledger;
mod network;
mod other_client;
mod relay_host;
mod retries;
mod script;
mod trace;
mod world;

pub use coverage::Coverage;
pub use fault::{Fault, Planned};
pub use script::script;
pub use world::{Outcome, play, run};

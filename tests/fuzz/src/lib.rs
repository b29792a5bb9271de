//! Input of any kind for everything that reads what others wrote. README.md says how to run it.

mod corpus;
mod mutate;
mod run;
mod targets;

pub use run::check;
pub use targets::{TARGETS, Target};

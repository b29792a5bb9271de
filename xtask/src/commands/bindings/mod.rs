//! `cargo xtask bindings`

mod bench;
mod cancellation;
mod command;
mod kotlin;
mod library;
mod matrix;
mod notices;
mod python;
mod size;
mod swift;

pub(crate) use bench::bench;
pub(crate) use command::{Bindings, steps};

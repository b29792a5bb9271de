//! `cargo xtask bindings`

mod command;
mod kotlin;
mod library;
mod matrix;
mod python;
mod swift;

pub(crate) use command::{Bindings, bench, steps};

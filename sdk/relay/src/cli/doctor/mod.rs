//! `glasslink-relay doctor`: what stands in the way of a relay with these settings, and what to do about it.

mod certificate;
mod clock;
mod data;
mod engine;
mod finding;
mod port;
mod run;

pub(crate) use run::run;

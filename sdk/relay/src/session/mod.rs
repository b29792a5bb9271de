//! One actor for each session, which owns everything the session has.

mod actor;
mod inspection;
mod streams;
mod telemetry;

pub(crate) use actor::{Attach, Begin, Command, run, span};
pub(crate) use inspection::Inspection;
pub(crate) use telemetry::Telemetry;

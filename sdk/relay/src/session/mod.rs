//! One actor for each session, which owns everything the session has.

mod actor;
mod command;
mod inspection;
mod stream;
mod streams;
mod telemetry;

pub(crate) use actor::{run, span};
pub(crate) use command::{Attach, Begin, Command};
pub(crate) use inspection::Inspection;
pub(crate) use telemetry::Telemetry;

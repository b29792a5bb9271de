//! The promises of `SPEC.md`, one by one, on both halves of a link with a pipe and a clock between them. What many
//! faults at once do to them is the simulation's subject.

/// Strategies for every message.
#[path = "../../../protocol/tests/support/any.rs"]
#[allow(dead_code, reason = "shared with the protocol's own tests")]
mod any;
mod bounds;
mod delivery;
mod hostile;
mod ledger;
mod liveness;
mod outages;
mod pair;
mod resume;
mod retry;
mod single;
mod stall;
mod wearing;

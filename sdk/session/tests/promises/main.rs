//! The promises of `SPEC.md`, one by one, on both halves of a link with a pipe and a clock between them. What many
//! faults at once do to them is the simulation's subject.

mod bounds;
mod delivery;
mod ledger;
mod liveness;
mod pair;
mod resume;
mod retry;
mod single;

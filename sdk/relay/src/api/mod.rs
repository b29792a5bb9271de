//! `/v1/sessions`: what sessions there are, what was said in them and when, their audio, and their removal. Everybody
//! sees their own; who may see more is said by their identity. `openapi.json` describes it, and a test compares.

mod answer;
mod audio;
mod caller;
mod events;
mod find;
mod lease;
mod metrics;
mod one;
mod openapi;
mod remove;
mod routes;
mod sessions;
mod sound;
mod transcript;
mod trouble;

pub(crate) use answer::Session;
pub(crate) use caller::Caller;
pub(crate) use find::MOST;
pub(crate) use lease::Lease;
pub(crate) use routes::{of_sessions, routes};
pub(crate) use trouble::Trouble;

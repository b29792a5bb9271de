//! Other people's clients and apps, as they are published, against the relay: what their tests share.

pub mod deepgram;
mod node;
mod python;

pub use node::{Node, packages};
pub use python::site;

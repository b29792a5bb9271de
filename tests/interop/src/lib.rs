//! Other people's clients and apps, as they are published, against the relay: what their tests share.

pub mod deepgram;
pub mod mentra;
mod node;
mod port;
mod python;

pub use node::{Node, packages};
pub use port::free_port;
pub use python::site;

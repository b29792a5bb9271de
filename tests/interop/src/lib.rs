//! Other people's clients and apps, as they are published, against the relay: what their tests share.

pub mod mentra;
mod node;
mod port;

pub use node::{Node, packages};
pub use port::free_port;

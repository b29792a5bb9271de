//! Other people's clients and apps, as they are published, against the relay: what their tests share.

mod node;

pub use node::{Node, packages};

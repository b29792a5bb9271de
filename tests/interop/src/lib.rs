//! Other people's clients and apps, as they are published, against the relay: what their tests share.

pub mod deepgram;
mod encoded;
pub mod mentra;
mod node;
mod port;
mod python;

pub use encoded::{flac, g711, ogg, opus, prefixed};
pub use node::{Node, packages};
pub use port::free_port;
pub use python::site;

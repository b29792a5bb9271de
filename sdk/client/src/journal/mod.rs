//! The link's side of a journal: it is written before anything is sent, read when memory let go, and taken up by the
//! next process.

mod keeper;
mod recover;
mod resume;
mod sink;

pub(crate) use keeper::Keeper;
pub use recover::{RecoverError, Recovered};
pub(crate) use resume::Restored;
pub use resume::ResumeError;
pub use sink::LinkSink;

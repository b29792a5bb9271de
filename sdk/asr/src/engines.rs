//! One file or folder an engine.

mod deepgram;
mod moonshine;
mod openai;

pub use deepgram::Deepgram;
pub use moonshine::Moonshine;
pub use openai::OpenAi;

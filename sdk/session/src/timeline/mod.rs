//! What a link saw and did, to be told afterwards: TIMELINE.md.

mod entry;
mod file;
mod recorder;
mod trouble;

pub use entry::{Happening, TimelineEntry, Transport};
pub use file::{LinkTimeline, LinkTimelineError};
pub use recorder::LinkRecorder;
pub use trouble::{Network, Trouble};

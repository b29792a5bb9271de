//! Partials, finals and gaps on one timeline; export and import.
//!
//! A [`Timeline`] takes what arrives while people speak, in any order the network makes of it, and shows a
//! [`Transcript`]: what was said and what is missing, ordered by time. A transcript is written and read as TXT,
//! Markdown, JSON, SRT or VTT; gaps are in every one of them.
//!
//! ```
//! use glasslink_protocol::{Epoch, EventNumber, Final, FrameIndex, Gap, GapCause, StreamFormat, StreamId, TranscriptEvent};
//! use glasslink_transcript::{Format, Timeline, export, import};
//!
//! let (stream, format) = (StreamId(1), StreamFormat::lc3(16_000, 20)?);
//! let mut timeline = Timeline::new();
//! timeline.declare(stream, format, None)?;
//!
//! let (from, to) = (FrameIndex(100), FrameIndex(250));
//! let said = Final { stream, from, to, text: "Good morning.".into(), words: vec![] };
//! timeline.event(Epoch(1), EventNumber(1), TranscriptEvent::Final(said))?;
//! let gap = Gap::new(stream, FrameIndex(300), FrameIndex(720), GapCause::Radio, &format);
//! timeline.event(Epoch(1), EventNumber(2), TranscriptEvent::Gap(gap))?;
//!
//! let mut srt = Vec::new();
//! export(&timeline.transcript(), Format::Srt, &mut srt)?;
//! assert_eq!(
//!     String::from_utf8(srt.clone())?,
//!     "1\n00:00:01,000 --> 00:00:02,500\nGood morning.\n\n\
//!      2\n00:00:03,000 --> 00:00:07,200\n[gap of 4.2 s: lost on the radio link to the device (radio)]\n"
//! );
//! assert_eq!(import(Format::Srt, &mut srt.as_slice())?, timeline.transcript());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod format;
mod timeline;
mod transcript;

pub use format::{Format, ImportError, UnknownFormat, export, import};
pub use timeline::{Continues, LivePartial, Timeline, TimelineError};
pub use transcript::{Entry, Missing, Speech, TimedWord, Transcript};

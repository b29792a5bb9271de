//! `{"version": 1, "entries": [{"kind": "speech", "from_ms": 1000, ...}, {"kind": "gap", ...}]}`, everything carried.

use std::io::{self, Write};
use std::time::Duration;

use glasslink_protocol::GapCause;
use serde::{Deserialize, Serialize};

use crate::{Entry, ImportError, Missing, Speech, TimedWord, Transcript};

pub(super) const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u64,
    entries: Vec<Item>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Item {
    Speech {
        #[serde(flatten)]
        span: Span,
        text: String,
        #[serde(default)]
        words: Vec<Word>,
    },
    Gap {
        #[serde(flatten)]
        span: Span,
        cause: GapCause,
    },
}

#[derive(Serialize, Deserialize)]
struct Word {
    text: String,
    #[serde(flatten)]
    span: Span,
    #[serde(default)]
    estimated: bool,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Span {
    from_ms: u64,
    to_ms: u64,
}

pub(super) fn write(transcript: &Transcript, out: &mut impl Write) -> io::Result<()> {
    let entries = transcript.entries().iter().map(Item::from).collect();
    serde_json::to_writer_pretty(&mut *out, &Document { version: VERSION, entries })?;
    writeln!(out)
}

pub(super) fn read(text: &str) -> Result<Vec<Entry>, ImportError> {
    let Version { version } = serde_json::from_str(text)?;
    if version > VERSION {
        return Err(ImportError::Newer(version));
    }
    let document: Document = serde_json::from_str(text)?;
    Ok(document.entries.into_iter().map(Entry::from).collect())
}

impl From<&Entry> for Item {
    fn from(entry: &Entry) -> Self {
        let span = Span::new(entry.start(), entry.end());
        match entry {
            Entry::Speech(Speech { text, words, .. }) => {
                let words = words.iter().map(Word::from).collect();
                Self::Speech { span, text: text.clone(), words }
            }
            Entry::Gap(gap) => Self::Gap { span, cause: gap.cause },
        }
    }
}

impl From<Item> for Entry {
    fn from(item: Item) -> Self {
        match item {
            Item::Speech { span, text, words } => {
                let words = words.into_iter().map(TimedWord::from).collect();
                Self::Speech(Speech { from: span.from(), to: span.to(), text, words })
            }
            Item::Gap { span, cause } => Self::Gap(Missing { from: span.from(), to: span.to(), cause }),
        }
    }
}

impl From<&TimedWord> for Word {
    fn from(word: &TimedWord) -> Self {
        Self { text: word.text.clone(), span: Span::new(word.from, word.to), estimated: word.estimated }
    }
}

impl From<Word> for TimedWord {
    fn from(word: Word) -> Self {
        Self { text: word.text, from: word.span.from(), to: word.span.to(), estimated: word.estimated }
    }
}

impl Span {
    fn new(from: Duration, to: Duration) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self { from_ms: ms(from), to_ms: ms(to) }
    }

    fn from(self) -> Duration {
        Duration::from_millis(self.from_ms)
    }

    fn to(self) -> Duration {
        Duration::from_millis(self.to_ms)
    }
}

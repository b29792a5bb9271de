use std::time::Duration;

use glasslink_protocol::GapCause;

/// What was said and what is missing, ordered by time. Times are whole milliseconds from the timeline's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Speech(Speech),
    Gap(Missing),
}

/// Settled words, from the start of the first to the end of the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speech {
    pub from: Duration,
    pub to: Duration,
    pub text: String,
    /// In spoken order; empty where the times of single words are not known.
    pub words: Vec<TimedWord>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedWord {
    pub text: String,
    pub from: Duration,
    pub to: Duration,
    /// The times were spread over the speech, not measured.
    pub estimated: bool,
}

/// A stretch without audio, or without a transcript, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    pub from: Duration,
    pub to: Duration,
    pub cause: GapCause,
}

impl Transcript {
    /// Orders `entries` by `from` (the order of equals stays), rounds times to milliseconds, and lets nothing end
    /// before it begins.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        for entry in &mut entries {
            entry.round();
        }
        entries.sort_by_key(Entry::start);
        Self { entries }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The texts, joined by spaces.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.entries.iter().filter_map(Entry::text).collect();
        texts.join(" ")
    }
}

impl Entry {
    pub fn start(&self) -> Duration {
        match self {
            Self::Speech(speech) => speech.from,
            Self::Gap(gap) => gap.from,
        }
    }

    pub fn end(&self) -> Duration {
        match self {
            Self::Speech(speech) => speech.to,
            Self::Gap(gap) => gap.to,
        }
    }

    /// What was said; `None` for a gap.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Speech(speech) => Some(&speech.text),
            Self::Gap(_) => None,
        }
    }

    fn round(&mut self) {
        match self {
            Self::Speech(speech) => {
                round_span(&mut speech.from, &mut speech.to);
                for word in &mut speech.words {
                    round_span(&mut word.from, &mut word.to);
                }
            }
            Self::Gap(gap) => round_span(&mut gap.from, &mut gap.to),
        }
    }
}

impl Missing {
    pub fn lasting(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

fn round_span(from: &mut Duration, to: &mut Duration) {
    *from = rounded(*from);
    *to = rounded(*to).max(*from);
}

fn rounded(time: Duration) -> Duration {
    let ms = time.as_nanos().saturating_add(500_000) / 1_000_000;
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}

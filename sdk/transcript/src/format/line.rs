//! What the formats made of lines share: one-line texts, and the sentence that stands for a gap.

use std::time::Duration;

use glasslink_protocol::GapCause;

use crate::{Entry, Missing, Speech};

/// `text` on one line: each run of white space and control characters is one space, none at the ends.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Entries with one-line texts, without speech that has no text.
pub(super) enum Line<'a> {
    Speech(&'a Speech, String),
    Gap(&'a Missing),
}

pub(super) fn lines(entries: &[Entry]) -> impl Iterator<Item = Line<'_>> {
    entries.iter().filter_map(|entry| match entry {
        Entry::Speech(speech) => {
            let text = one_line(&speech.text);
            (!text.is_empty()).then_some(Line::Speech(speech, text))
        }
        Entry::Gap(gap) => Some(Line::Gap(gap)),
    })
}

pub(super) fn speech(from: Duration, to: Duration, text: String) -> Entry {
    Entry::Speech(Speech { from, to, text, words: Vec::new() })
}

pub(super) fn gap(from: Duration, to: Duration, cause: GapCause) -> Entry {
    Entry::Gap(Missing { from, to, cause })
}

/// `gap of 4.2 s: lost on the radio link to the device`
pub(super) fn gap_words(gap: &Missing) -> String {
    let seconds = gap.lasting().as_secs_f64();
    format!("gap of {seconds:.1} s: {}", gap.cause.words())
}

/// `gap of 4.2 s: lost on the radio link to the device (radio)`
pub(super) fn gap_sentence(gap: &Missing) -> String {
    format!("{} ({})", gap_words(gap), cause_name(gap.cause))
}

/// The cause in a gap's sentence; `None` if it is not one.
pub(super) fn parse_gap_sentence(text: &str) -> Option<GapCause> {
    let rest = text.strip_prefix("gap of ")?;
    let (_, name) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    Some(parse_cause(name))
}

/// The name a cause has on the wire.
pub(super) fn cause_name(cause: GapCause) -> String {
    match serde_json::to_value(cause) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "unknown".to_owned(),
    }
}

/// The cause of that name; one that this version does not know is `Unknown`.
pub(super) fn parse_cause(name: &str) -> GapCause {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).unwrap_or(GapCause::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_read_by_its_name() {
        let gap =
            Missing { from: Duration::ZERO, to: Duration::from_secs(2), cause: GapCause::NotTranscribed };
        assert!(gap_sentence(&gap).ends_with("(not_transcribed)"), "{}", gap_sentence(&gap));
        assert_eq!(parse_gap_sentence(&gap_sentence(&gap)), Some(gap.cause));
        assert_eq!(parse_cause("a cause of the future"), GapCause::Unknown);
    }
}

//! Numbered cues. A gap is a cue `[gap of 4.2 s: ... (radio)]`; SRT has no escape, so speech that
//! reads exactly like one has an invisible word joiner before it.

use std::io::{self, Write};

use glasslink_protocol::GapCause;

use super::line::{Line, gap, gap_sentence, lines, one_line, parse_gap_sentence, speech};
use super::time::{Stamp, parse_span};
use crate::{Entry, ImportError, Transcript};

const WORD_JOINER: char = '\u{2060}';

pub(super) fn write(transcript: &Transcript, out: &mut impl Write) -> io::Result<()> {
    for (number, line) in (1_usize..).zip(lines(transcript.entries())) {
        let (from, to, text) = match line {
            Line::Speech(speech, text) if parse_gap(text.trim_start_matches(WORD_JOINER)).is_some() => {
                (speech.from, speech.to, format!("{WORD_JOINER}{text}"))
            }
            Line::Speech(speech, text) => (speech.from, speech.to, text),
            Line::Gap(gap) => (gap.from, gap.to, format!("[{}]", gap_sentence(gap))),
        };
        let [from, to] = [from, to].map(|time| Stamp { time, separator: ',' });
        let blank = if number > 1 { "\n" } else { "" };
        writeln!(out, "{blank}{number}\n{from} --> {to}\n{text}")?;
    }
    Ok(())
}

pub(super) fn read(text: &str) -> Result<Vec<Entry>, ImportError> {
    let mut entries = Vec::new();
    let mut lines = (1..).zip(text.lines()).peekable();
    while let Some((number, line)) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let malformed = |line, problem| ImportError::Malformed { line, problem };
        let is_number = line.trim().bytes().all(|byte| byte.is_ascii_digit());
        let (number, times) = if is_number {
            lines.next().ok_or(malformed(number, "the file ends after the number of a cue"))?
        } else {
            (number, line)
        };
        let (from, to) = parse_span(times, "-->")
            .ok_or(malformed(number, "expected times like 00:00:01,000 --> 00:00:02,500"))?;
        let mut content = String::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.trim().is_empty()) {
            content.push_str(line);
            content.push(' ');
        }
        let content = one_line(&content);
        let bare = content.trim_start_matches(WORD_JOINER);
        entries.push(match (parse_gap(bare), content.strip_prefix(WORD_JOINER)) {
            (Some(cause), None) => gap(from, to, cause),
            (Some(_), Some(unmarked)) => speech(from, to, unmarked.to_owned()),
            (None, _) => speech(from, to, content),
        });
    }
    Ok(entries)
}

fn parse_gap(text: &str) -> Option<GapCause> {
    parse_gap_sentence(text.strip_prefix('[')?.strip_suffix(']')?)
}

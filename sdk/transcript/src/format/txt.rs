//! One line an entry: `[00:00:01.000 - 00:00:02.500] Good morning.`, a gap as `--- gap of 4.2 s: ... (radio) ---`.
//! Speech that begins with `---` or `\` has a `\` before it.

use std::io::{self, Write};

use super::line::{Line, gap, gap_sentence, lines, one_line, parse_gap_sentence, speech};
use super::time::{parse_span, stamp};
use crate::{Entry, ImportError, Transcript};

pub(super) fn write(transcript: &Transcript, out: &mut impl Write) -> io::Result<()> {
    for line in lines(transcript.entries()) {
        match line {
            Line::Speech(speech, text) => {
                let escape = if text.starts_with("---") || text.starts_with('\\') { "\\" } else { "" };
                writeln!(out, "[{} - {}] {escape}{text}", stamp(speech.from), stamp(speech.to))?;
            }
            Line::Gap(gap) => {
                writeln!(out, "[{} - {}] --- {} ---", stamp(gap.from), stamp(gap.to), gap_sentence(gap))?;
            }
        }
    }
    Ok(())
}

pub(super) fn read(text: &str) -> Result<Vec<Entry>, ImportError> {
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let malformed = |problem| ImportError::Malformed { line: number, problem };
        let (span, content) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .ok_or(malformed("expected [from - to] and the text"))?;
        let (from, to) =
            parse_span(span, " - ").ok_or(malformed("expected times like [00:00:01.000 - 00:00:02.500]"))?;
        let content = one_line(content);
        if let Some(sentence) = content.strip_prefix("---") {
            let sentence = sentence.strip_suffix("---").unwrap_or(sentence).trim();
            let cause =
                parse_gap_sentence(sentence).ok_or(malformed("expected --- gap of N s: ... (cause) ---"))?;
            entries.push(gap(from, to, cause));
        } else {
            let text = content.strip_prefix('\\').unwrap_or(&content);
            entries.push(speech(from, to, text.to_owned()));
        }
    }
    Ok(entries)
}

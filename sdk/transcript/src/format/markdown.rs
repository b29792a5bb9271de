//! A paragraph an entry: `**00:00:01.000 - 00:00:02.500** Good morning.`; a gap is a quotation,
//! `> **00:00:03.000 - 00:00:07.200** *gap of 4.2 s: ... (radio)*`.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::line::{Line, gap, gap_sentence, lines, one_line, parse_gap_sentence, speech};
use super::time::{parse_span, stamp};
use crate::{Entry, ImportError, Transcript};

const TITLE: &str = "# Transcript";

pub(super) fn write(transcript: &Transcript, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{TITLE}")?;
    for line in lines(transcript.entries()) {
        match line {
            Line::Speech(speech, text) => {
                writeln!(out, "\n**{} - {}** {}", stamp(speech.from), stamp(speech.to), escaped(&text))?;
            }
            Line::Gap(gap) => {
                let sentence = escaped(&gap_sentence(gap));
                writeln!(out, "\n> **{} - {}** *{sentence}*", stamp(gap.from), stamp(gap.to))?;
            }
        }
    }
    Ok(())
}

pub(super) fn read(text: &str) -> Result<Vec<Entry>, ImportError> {
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let malformed = |problem| ImportError::Malformed { line: number, problem };
        let (is_gap, rest) = line.strip_prefix("> ").map_or((false, line), |rest| (true, rest));
        let (span, content) = rest
            .strip_prefix("**")
            .and_then(|rest| rest.split_once("**"))
            .ok_or(malformed("expected **from - to** and the text"))?;
        let (from, to) = parse_span(span, " - ")
            .ok_or(malformed("expected times like **00:00:01.000 - 00:00:02.500**"))?;
        let content = content.trim();
        if is_gap {
            let sentence = content.strip_prefix('*').and_then(|rest| rest.strip_suffix('*'));
            let cause = sentence.and_then(|sentence| parse_gap_sentence(&unescaped(sentence)));
            entries.push(gap(from, to, cause.ok_or(malformed("expected *gap of N s: ... (cause)*"))?));
        } else {
            entries.push(speech(from, to, one_line(&unescaped(content))));
        }
    }
    Ok(entries)
}

/// Backslashes before the characters that Markdown reads as markup in the middle of a line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '~' | '|' | '$') {
            out.push('\\');
        }
        let _ = out.write_char(c);
    }
    out
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escape = c == '\\' && chars.peek().is_some_and(char::is_ascii_punctuation);
        out.push(if escape { chars.next().unwrap_or(c) } else { c });
    }
    out
}

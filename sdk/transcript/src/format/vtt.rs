//! `WebVTT`. A gap is a cue of class `gap` and its cause: `<c.gap.radio>gap of 4.2 s: ...</c>`.

use std::io::{self, Write};

use super::line::{Line, cause_name, gap, gap_words, lines, one_line, parse_cause, speech};
use super::time::{parse_span, stamp};
use crate::{Entry, ImportError, Transcript};

const HEADER: &str = "WEBVTT";

pub(super) fn write(transcript: &Transcript, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEADER}")?;
    for line in lines(transcript.entries()) {
        let (from, to, text) = match line {
            Line::Speech(speech, text) => (speech.from, speech.to, escaped(&text)),
            Line::Gap(gap) => {
                let text = format!("<c.gap.{}>{}</c>", cause_name(gap.cause), gap_words(gap));
                (gap.from, gap.to, text)
            }
        };
        writeln!(out, "\n{} --> {}\n{text}", stamp(from), stamp(to))?;
    }
    Ok(())
}

pub(super) fn read(text: &str) -> Result<Vec<Entry>, ImportError> {
    let mut lines = (1..).zip(text.lines()).peekable();
    let signature = lines.next().and_then(|(_, line)| line.strip_prefix(HEADER));
    if !signature.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return Err(ImportError::Malformed { line: 1, problem: "expected WEBVTT" });
    }
    let mut entries = Vec::new();
    // Blocks without a line of times are headers, notes and styles.
    while let Some((number, line)) = lines.next() {
        if line.starts_with("NOTE") && !line.contains("-->") {
            while lines.next_if(|(_, line)| !line.is_empty()).is_some() {}
            continue;
        }
        let Some((from, to_and_settings)) = line.split_once("-->") else { continue };
        let to = to_and_settings.split_whitespace().next().unwrap_or_default();
        let (from, to) = parse_span(&format!("{from}-->{to}"), "-->").ok_or(ImportError::Malformed {
            line: number,
            problem: "expected times like 00:00:01.000 --> 00:00:02.500",
        })?;
        let mut content = String::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.trim().is_empty()) {
            content.push_str(line);
            content.push(' ');
        }
        entries.push(match content.strip_prefix("<c.gap.").and_then(|rest| rest.split_once('>')) {
            Some((cause, _)) => gap(from, to, parse_cause(cause)),
            None => speech(from, to, one_line(&plain(&content))),
        });
    }
    Ok(entries)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Without tags (voices, classes, karaoke times) and with the character references resolved.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        out.push_str(&rest[..start]);
        rest = rest[start..].split_once('>').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&lrm;", "\u{200e}"), ("&rlm;", "\u{200f}")];
    let resolved = named.iter().fold(out, |text, (name, c)| text.replace(name, c));
    resolved.replace("&amp;", "&")
}

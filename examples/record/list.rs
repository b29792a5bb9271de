use std::fmt::Write as _;

use anyhow::Result;
use glasslink_library::{Hit, HitKind, Library, RecordingState, Summary};
use serde_json::json;

use crate::Outcome;
use crate::args::{Global, ListOptions, SearchOptions};
use crate::json;
use crate::microphone::{self, Device};
use crate::pick::{name, pick, short};
use crate::style::{BAD, BOLD, DIM, GAP, GOOD, Out};
use crate::time::{begun, clock, size};

/// What there is to record from.
pub(crate) async fn devices(global: &Global) -> Result<Outcome> {
    let devices = microphone::devices().await?;
    if global.json {
        let device = |device: &Device| {
            json!({
                "id": device.id, "name": device.name, "system_audio": device.is_system_audio,
                "default": device.is_default,
            })
        };
        json::say(&json!({ "devices": devices.iter().map(device).collect::<Vec<_>>() }))?;
        return Ok(Outcome::Done);
    }
    let mut out = Out::new(false);
    for device in &devices {
        let kind = if device.is_system_audio { "system audio" } else { "microphone" };
        let default = if device.is_default { "  default" } else { "" };
        let (name, id) = (out.paint(BOLD, &device.name), out.paint(DIM, &device.id));
        out.raw(&format!("{kind:<12}  {name}  {id}{default}\n"));
    }
    if devices.is_empty() {
        out.line(GAP, "nothing to record from: plug a microphone in");
        return Ok(Outcome::NotAll);
    }
    Ok(Outcome::Done)
}

pub(crate) fn list(library: &Library, global: &Global, options: &ListOptions) -> Result<Outcome> {
    let recordings = if options.trash { library.trash()? } else { library.recordings()? };
    if global.json {
        json::say(&json!({ "recordings": recordings.iter().map(json::summary).collect::<Vec<_>>() }))?;
        return Ok(Outcome::Done);
    }
    let mut out = Out::new(false);
    if recordings.is_empty() {
        let hint = if options.trash { "the trash is empty" } else { "no recordings yet: `record --help`" };
        out.line(DIM, hint);
    }
    for summary in &recordings {
        let mut line = format!(
            "{}  {:16}  {:>9}  {:>8}  {}",
            out.paint(DIM, &short(summary)),
            begun(summary),
            clock(summary.duration),
            size(summary.bytes),
            out.paint(BOLD, name(summary)),
        );
        for (style, word) in words(summary) {
            let _ = write!(line, "  {}", out.paint(style, &word));
        }
        out.raw(&(line + "\n"));
    }
    Ok(Outcome::Done)
}

/// What a person should know of a recording.
pub(crate) fn words(summary: &Summary) -> Vec<(anstyle::Style, String)> {
    let mut words = Vec::new();
    match summary.state {
        RecordingState::InUse => words.push((GOOD, "recording, or in use".to_owned())),
        RecordingState::Interrupted => {
            words.push((GAP, "interrupted: `record recover` finishes it".to_owned()));
        }
        RecordingState::Unreadable => words.push((BAD, "cannot be read".to_owned())),
        RecordingState::Ended => {}
    }
    if !summary.untranscribed.is_zero() {
        words.push((DIM, format!("{} not transcribed", clock(summary.untranscribed))));
    }
    if !summary.lost.is_zero() {
        words.push((GAP, format!("{} lost", clock(summary.lost))));
    }
    if summary.protected {
        words.push((DIM, "protected".to_owned()));
    }
    words.extend(summary.problems.iter().map(|problem| (BAD, problem.clone())));
    words
}

pub(crate) fn search(library: &Library, global: &Global, options: &SearchOptions) -> Result<Outcome> {
    let within = options.within.as_deref().map(|wanted| pick(library, wanted)).transpose()?;
    let words = options.words.join(" ");
    let within = within.map(|summary| summary.id);
    let found = library.search(&words, within, options.from.saturating_sub(1), options.most)?;
    if global.json {
        let hits: Vec<_> = found.hits.iter().map(json::hit).collect();
        json::say(&json!({ "total": found.total, "hits": hits }))?;
        return Ok(if found.total == 0 { Outcome::NotAll } else { Outcome::Done });
    }
    let mut out = Out::new(false);
    let mut last = None;
    for hit in &found.hits {
        if last != Some(hit.recording) {
            last = Some(hit.recording);
            let id = out.paint(DIM, &hit.recording.to_string()[..8]);
            let title = out.paint(BOLD, &hit.title);
            out.raw(&format!("{id}  {title}\n"));
        }
        let place = out.paint(DIM, &format!("{:>5} of {}  {:>9}", hit.number, found.total, clock(hit.at)));
        let text = marked(hit, &out);
        out.raw(&format!("{place}  {text}\n"));
    }
    if found.total == 0 {
        out.line(DIM, "nothing found");
        return Ok(Outcome::NotAll);
    }
    let shown = options.from.saturating_sub(1) + found.hits.len();
    if shown < found.total {
        out.line(DIM, &format!("{} more: --from {}", found.total - shown, shown + 1));
    }
    Ok(Outcome::Done)
}

/// The text with what matches in colour.
fn marked(hit: &Hit, out: &Out) -> String {
    let mut text = match hit.kind {
        HitKind::Speech => String::new(),
        HitKind::Note => "note: ".to_owned(),
        HitKind::Marker => "marker: ".to_owned(),
        HitKind::Title => "title: ".to_owned(),
    };
    let mut done = 0;
    for range in &hit.matches {
        text.push_str(&hit.text[done..range.start]);
        text.push_str(&out.paint(GAP, &hit.text[range.clone()]));
        done = range.end;
    }
    text.push_str(&hit.text[done..]);
    text.replace(['\n', '\r'], " ")
}

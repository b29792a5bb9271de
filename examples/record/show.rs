use anyhow::Result;
use glasslink_library::{Library, Passage};
use serde_json::json;

use crate::Outcome;
use crate::args::{Global, ShowOptions};
use crate::json;
use crate::list::words;
use crate::pick::{name, pick};
use crate::style::{BOLD, DIM, GAP, GOOD, Out, PLAIN};
use crate::time::{begun, clock, size};

pub(crate) fn run(library: &Library, global: &Global, options: &ShowOptions) -> Result<Outcome> {
    let summary = pick(library, &options.one.recording)?;
    let passages = library.passages(summary.id)?;
    let history = if options.history { library.history(summary.id)? } else { Vec::new() };
    if global.json {
        let mut value = json::summary(&summary);
        value["passages"] = passages.iter().map(json::passage).collect();
        if options.history {
            let entry = |entry: &glasslink_library::HistoryEntry| json!({ "change": entry.record, "undone": entry.undone });
            value["history"] = history.iter().map(entry).collect();
        }
        json::say(&value)?;
        return Ok(Outcome::Done);
    }
    let mut out = Out::new(false);
    out.line(BOLD, name(&summary));
    out.line(
        DIM,
        &format!("{}  {}  {}  {}", summary.id, begun(&summary), clock(summary.duration), size(summary.bytes)),
    );
    for source in &summary.sources {
        let speaker = source.speaker.as_ref().map(|name| format!(", {name} speaks")).unwrap_or_default();
        out.line(DIM, &format!("source {}: {}{speaker}", source.stream, source.label));
    }
    for (style, word) in words(&summary) {
        out.line(style, &word);
    }
    out.raw("\n");
    for passage in &passages {
        let (style, text) = match passage {
            Passage::Speech(said) => {
                let speaker = said.speaker.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
                (PLAIN, format!("{speaker}{}", said.text))
            }
            Passage::Gap(gap) => {
                let lasting = gap.to.saturating_sub(gap.from).as_secs_f64();
                (GAP, format!("[gap of {lasting:.1} s: {}]", gap.cause.words()))
            }
            Passage::Marker(mark) => (GOOD, format!("marker: {}", mark.label)),
            Passage::Note(note) => (GOOD, format!("note: {}", note.text)),
        };
        let place = out.paint(DIM, &format!("{:>9}", clock(passage.start())));
        let text = out.paint(style, &text);
        out.raw(&format!("{place}  {text}\n"));
    }
    for entry in history {
        let undone = if entry.undone { " (undone)" } else { "" };
        out.line(DIM, &format!("{:>4}{undone} {:?}", entry.record.number, entry.record.change));
    }
    Ok(Outcome::Done)
}

//! What `--json` says. Times are milliseconds from the start of the recording, or since the Unix epoch.

use std::io::{self, Write};
use std::time::Duration;

use glasslink_library::{Hit, Passage, Summary};
use serde_json::{Value, json};

/// Prints it on a line of its own. Whoever does not want to read it may leave.
pub(crate) fn say(value: &Value) -> io::Result<()> {
    match writeln!(io::stdout(), "{value}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

pub(crate) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn summary(summary: &Summary) -> Value {
    let sources = summary.sources.iter().map(|source| {
        json!({
            "stream": source.stream, "label": source.label, "speaker": source.speaker,
            "from_ms": ms(source.from), "duration_ms": ms(source.duration),
        })
    });
    json!({
        "id": summary.id.to_string(), "title": summary.title, "state": summary.state.name(),
        "begun_ms": summary.begun_ms, "utc_offset_min": summary.utc_offset_min,
        "duration_ms": ms(summary.duration), "sources": sources.collect::<Vec<_>>(),
        "untranscribed_ms": ms(summary.untranscribed), "lost_ms": ms(summary.lost), "bytes": summary.bytes,
        "protected": summary.protected, "trashed_ms": summary.trashed_ms, "program": summary.program,
        "problems": summary.problems,
    })
}

pub(crate) fn passage(passage: &Passage) -> Value {
    match passage {
        Passage::Speech(said) => json!({
            "kind": "speech", "stream": said.stream, "from_ms": ms(said.from), "to_ms": ms(said.to),
            "stream_from_ms": ms(said.stream_from), "stream_to_ms": ms(said.stream_to),
            "text": said.text, "original": said.original, "speaker": said.speaker,
            "words": said.words.iter().map(|word| json!({
                "text": word.text, "from_ms": ms(word.from), "to_ms": ms(word.to), "estimated": word.estimated,
            })).collect::<Vec<_>>(),
        }),
        Passage::Gap(gap) => json!({
            "kind": "gap", "stream": gap.stream, "from_ms": ms(gap.from), "to_ms": ms(gap.to), "cause": gap.cause,
        }),
        Passage::Marker(mark) => {
            json!({ "kind": "marker", "stream": mark.stream, "at_ms": ms(mark.at), "label": mark.label })
        }
        Passage::Note(note) => {
            json!({ "kind": "note", "note": note.id, "at_ms": note.at.map(ms), "text": note.text })
        }
    }
}

pub(crate) fn hit(hit: &Hit) -> Value {
    json!({
        "number": hit.number, "id": hit.recording.to_string(), "title": hit.title,
        "kind": format!("{:?}", hit.kind).to_lowercase(), "stream": hit.stream, "at_ms": ms(hit.at),
        "stream_at_ms": hit.stream_at.map(ms), "text": hit.text,
        "matches": hit.matches.iter().map(|range| [range.start, range.end]).collect::<Vec<_>>(),
    })
}

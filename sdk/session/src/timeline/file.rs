use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::TimelineEntry;

/// The version written, and the newest that is read.
const VERSION: u64 = 1;

/// What is read at most: more than any link writes.
const MAX_FILE_BYTES: usize = 4 << 20;

/// No time in a timeline is later than this, thirty days: a number beyond it is damage.
const MAX_MS: u64 = 30 * 24 * 3_600_000;

/// What a link saw and did, oldest first. As JSON it is a field report: TIMELINE.md.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LinkTimeline {
    glasslink_timeline: u64,
    /// The wall time at which the link began, milliseconds since 1970 in UTC.
    pub started_utc_ms: i64,
    /// Name and version of the library that wrote it.
    pub client: String,
    /// Older entries that were let go to stay within the bounds.
    pub omitted: u64,
    pub entries: Vec<TimelineEntry>,
    /// Entries of kinds that this version does not know, and left out when reading.
    #[serde(skip)]
    pub unknown: u64,
}

/// Why a file is not read as a timeline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkTimelineError {
    /// No link writes as much; it is another file.
    #[error("the file has {0} bytes, and a timeline at most {MAX_FILE_BYTES}: it is another file")]
    TooLarge(usize),
    /// It is no JSON object with `glasslink_timeline`, or lacks something else every timeline has.
    #[error("the file is not a timeline: {0}")]
    NotATimeline(String),
    /// Read it with a version of the program that is as new as what wrote it.
    #[error("the timeline has version {0}, and this program reads up to {VERSION}: update the program")]
    Newer(u64),
    /// An entry is damaged. Entries are counted from 1.
    #[error("entry {number} of the timeline is damaged: {problem}")]
    Entry { number: usize, problem: String },
}

#[derive(Deserialize)]
struct Header {
    started_utc_ms: i64,
    #[serde(default)]
    client: String,
    #[serde(default)]
    omitted: u64,
    entries: Vec<Value>,
}

#[derive(Deserialize)]
struct Kind {
    what: String,
}

impl LinkTimeline {
    pub fn new(started_utc_ms: i64, client: &str, omitted: u64, entries: Vec<TimelineEntry>) -> Self {
        Self {
            glasslink_timeline: VERSION,
            started_utc_ms,
            client: client.to_owned(),
            omitted,
            entries,
            unknown: 0,
        }
    }

    /// One line an entry.
    pub fn to_json(&self) -> String {
        let head = Self { entries: Vec::new(), ..self.clone() };
        let mut json = text(&head);
        // The head ends with the empty list.
        json.truncate(json.len() - "]}".len());
        for (place, entry) in self.entries.iter().enumerate() {
            json.push_str(if place == 0 { "\n" } else { ",\n" });
            json.push_str(&text(entry));
        }
        json.push_str("\n]}\n");
        json
    }

    /// Reads what [`LinkTimeline::to_json`] wrote, in this version or an earlier one. Fields and kinds of entries that
    /// are not known are left out.
    pub fn from_json(text: &[u8]) -> Result<Self, LinkTimelineError> {
        if text.len() > MAX_FILE_BYTES {
            return Err(LinkTimelineError::TooLarge(text.len()));
        }
        let not_a_timeline = |problem: &dyn ToString| LinkTimelineError::NotATimeline(problem.to_string());
        let value: Value = serde_json::from_slice(text).map_err(|error| not_a_timeline(&error))?;
        match value.get("glasslink_timeline").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(version @ 1..) => return Err(LinkTimelineError::Newer(version)),
            _ => return Err(not_a_timeline(&"it has no number \"glasslink_timeline\"")),
        }
        let header: Header = serde_json::from_value(value).map_err(|error| not_a_timeline(&error))?;
        let mut timeline = Self::new(header.started_utc_ms, &header.client, header.omitted, Vec::new());
        for (place, value) in header.entries.into_iter().enumerate() {
            let damaged = |problem: String| LinkTimelineError::Entry { number: place + 1, problem };
            let kind = Kind::deserialize(&value).map_err(|error| damaged(error.to_string()))?;
            match TimelineEntry::deserialize(value) {
                Ok(entry) => timeline.take(entry).map_err(damaged)?,
                Err(_) if !is_known(&kind.what) => timeline.unknown += 1,
                Err(error) => return Err(damaged(error.to_string())),
            }
        }
        Ok(timeline)
    }

    fn take(&mut self, entry: TimelineEntry) -> Result<(), String> {
        let before = self.entries.last().map_or(0, |last| last.ms);
        if entry.ms < before {
            return Err(format!("it is at {} ms, and the one before it at {before} ms", entry.ms));
        }
        if entry.ms > MAX_MS {
            return Err(format!("{} ms are more than thirty days", entry.ms));
        }
        self.entries.push(entry);
        Ok(())
    }
}

/// Whether this version has such entries: what an unknown kind has in it is nobody's business.
fn is_known(kind: &str) -> bool {
    [
        "attempt",
        "opened",
        "live",
        "failed",
        "lost",
        "refused",
        "new_epoch",
        "round_trip",
        "network_up",
        "asleep",
        "gap",
        "continued",
        "audio_stalled",
        "audio_recovered",
        "audio_lost",
        "closed",
    ]
    .contains(&kind)
}

pub(super) fn text(value: &impl Serialize) -> String {
    // Neither maps with odd keys nor anything else that has no JSON is in it.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use glasslink_protocol::{Cause, GapCause, StreamId};

    use super::*;
    use crate::{Happening, Transport};

    /// One entry of each kind.
    fn every_kind() -> LinkTimeline {
        let stream = StreamId(1);
        let happenings = [
            Happening::Attempt { attempt: 1, transport: Transport::WebSocket },
            Happening::Opened,
            Happening::Live { outage_ms: 14 },
            Happening::RoundTrip { rtt_ms: 80 },
            Happening::AudioStalled { stream, rearm: 1 },
            Happening::AudioRecovered { stream },
            Happening::AudioLost { stream },
            Happening::Asleep { asleep_ms: 40_000 },
            Happening::Lost { cause: Cause::Stalled, silent_ms: 1_510, retry_in_ms: 0 },
            Happening::Failed { cause: Cause::HttpStatus(502), retry_in_ms: 250 },
            Happening::Attempt { attempt: 3, transport: Transport::Http },
            Happening::Refused { cause: Cause::Unauthorized },
            Happening::NetworkUp,
            Happening::NewEpoch,
            Happening::Gap { stream, cause: GapCause::Overflow, frames: 310, lasting_ms: 3_100, gaps: 1 },
            Happening::Continued { stream, by: StreamId(2) },
            Happening::Closed,
        ];
        let entries = happenings.into_iter().zip(1..).map(|(what, n)| TimelineEntry { ms: n * 1_000, what });
        LinkTimeline::new(1_763_900_000_000, "glasslink 0.1.0", 3, entries.collect())
    }

    #[test]
    fn every_kind_of_entry_is_written_and_read_as_released() {
        let golden = include_str!("../../tests/golden/timeline-v1.json");
        assert_eq!(every_kind().to_json(), golden);
        assert_eq!(LinkTimeline::from_json(golden.as_bytes()), Ok(every_kind()));
    }

    #[test]
    fn what_a_newer_version_adds_is_left_out_and_counted() {
        let text = r#"{"glasslink_timeline":1,"started_utc_ms":5,"mood":"good","entries":[
            {"ms":1,"what":"opened","colour":"red"},{"ms":2,"what":"teleported","to":"Mars"}]}"#;
        let read = LinkTimeline::from_json(text.as_bytes()).unwrap();
        assert_eq!(read.entries, [TimelineEntry { ms: 1, what: Happening::Opened }]);
        assert_eq!(read.entries[0].at(), Duration::from_millis(1));
        assert_eq!((read.unknown, read.omitted), (1, 0));
    }

    #[test]
    fn what_is_no_timeline_is_refused_with_the_reason() {
        let read = |text: &str| LinkTimeline::from_json(text.as_bytes()).unwrap_err();
        let with = |entries: &str| {
            read(&format!(r#"{{"glasslink_timeline":1,"started_utc_ms":5,"entries":[{entries}]}}"#))
        };
        for text in ["", "[]", "{}", "\0", r#"{"glasslink_timeline":0}"#, r#"{"glasslink_timeline":1}"#] {
            assert!(matches!(read(text), LinkTimelineError::NotATimeline(_)), "{text}");
        }
        assert_eq!(read(r#"{"glasslink_timeline":2,"entries":7}"#), LinkTimelineError::Newer(2));
        let large = vec![b' '; MAX_FILE_BYTES + 1];
        assert_eq!(LinkTimeline::from_json(&large), Err(LinkTimelineError::TooLarge(large.len())));
        for entries in [
            "7",
            r#"{"ms":-1,"what":"opened"}"#,
            r#"{"ms":1}"#,
            r#"{"ms":1,"what":"live"}"#,
            r#"{"ms":1,"what":"failed","cause":"sabotage","retry_in_ms":0}"#,
            r#"{"ms":2592000001,"what":"opened"}"#,
        ] {
            assert!(matches!(with(entries), LinkTimelineError::Entry { number: 1, .. }), "{entries}");
        }
        let backwards = with(r#"{"ms":9,"what":"opened"},{"ms":8,"what":"opened"}"#);
        assert!(matches!(backwards, LinkTimelineError::Entry { number: 2, .. }), "{backwards}");
    }
}

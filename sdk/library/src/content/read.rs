use std::collections::BTreeMap;
use std::time::Duration;

use glasslink_audio::journal::{Recording, RecordingError};
use glasslink_protocol::{ClockMark, GapCause, StreamId};
use glasslink_transcript::Entry;

use super::place::{Placed, place};
use super::spoken::spoken;
use super::types::{Mark, Missing, Note, Passage, SourceInfo, Utterance};
use crate::changes::{Changes, WordsKey};

/// Everything of a recording that is not audio.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) sources: Vec<SourceInfo>,
    /// Ordered by time.
    pub(crate) passages: Vec<Passage>,
    pub(crate) duration: Duration,
    /// When it was begun: milliseconds since the Unix epoch, and minutes from UTC to the local time then.
    pub(crate) begun_ms: Option<i64>,
    pub(crate) utc_offset_min: i32,
    /// Every stream was ended by its program.
    pub(crate) ended: bool,
    pub(crate) program: String,
    /// What could not be read, for a person.
    pub(crate) problems: Vec<String>,
}

impl Content {
    pub(crate) fn read(recording: &Recording, changes: &Changes) -> Result<Self, RecordingError> {
        let marks = recording.clock_marks()?;
        let placed = place(recording.streams()?, &marks);
        let events = recording.events()?;
        let mut problems: Vec<String> = Vec::new();
        let lost: u64 = recording.damage().iter().filter(|damage| !damage.cut).count() as u64;
        if lost > 0 {
            problems.push(format!("{lost} places of it are damaged, and told as gaps"));
        }
        let mut passages = Vec::new();
        let people = People { words: changes.words(), speakers: changes.speakers() };
        for placed in &placed {
            let entries = spoken(recording, placed, &events, changes, &mut problems)?;
            passages.extend(entries.into_iter().map(|entry| passage(entry, placed, &people)));
        }
        for marker in recording.markers()? {
            let Some(placed) = placed.iter().find(|placed| placed.stream.stream == marker.stream) else {
                continue;
            };
            let at = placed.from + placed.stream.info.format.stream_time(marker.at);
            passages.push(Passage::Marker(Mark { stream: marker.stream, at, label: marker.label }));
        }
        passages.extend(changes.notes().into_iter().map(|note| {
            let at = note.at_ms.map(Duration::from_millis);
            Passage::Note(Note { id: note.id, at, text: note.text })
        }));
        passages.sort_by_key(Passage::start);

        let imported = changes.imported().and_then(|(_, begun_ms)| begun_ms);
        let begun_ms = imported.or_else(|| placed.iter().find_map(|placed| begun_ms(placed, &marks)));
        Ok(Self {
            sources: placed.iter().map(|placed| source(placed, changes)).collect(),
            passages,
            duration: placed.iter().map(Placed::end).max().unwrap_or_default(),
            begun_ms: begun_ms.or_else(|| recording.created_ms()),
            utc_offset_min: marks.first().map_or(0, |mark| mark.utc_offset_min),
            ended: placed.iter().all(|placed| placed.stream.end.is_some()),
            program: recording.info()?.program,
            problems,
        })
    }

    /// Time of all streams that has audio and no transcript.
    pub(crate) fn untranscribed(&self) -> Duration {
        self.missing(|cause| matches!(cause, GapCause::NotTranscribed | GapCause::RelayLostHistory))
    }

    /// Time of all streams whose audio was lost.
    pub(crate) fn lost(&self) -> Duration {
        self.missing(GapCause::is_loss)
    }

    fn missing(&self, counts: impl Fn(GapCause) -> bool) -> Duration {
        let gaps = self.passages.iter().filter_map(|passage| match passage {
            Passage::Gap(gap) if counts(gap.cause) => Some(gap.to.saturating_sub(gap.from)),
            _ => None,
        });
        gaps.sum()
    }
}

/// What people said of who speaks, and what.
struct People<'a> {
    words: BTreeMap<WordsKey<'a>, &'a str>,
    speakers: BTreeMap<(StreamId, Option<u64>), &'a str>,
}

fn passage(entry: Entry, placed: &Placed, people: &People<'_>) -> Passage {
    let stream = placed.stream.stream;
    match entry {
        Entry::Gap(gap) => Passage::Gap(Missing {
            stream,
            from: placed.from + gap.from,
            to: placed.from + gap.to,
            cause: gap.cause,
        }),
        Entry::Speech(said) => {
            let (from_ms, to_ms) = (ms(said.from), ms(said.to));
            let edited = people.words.get(&(stream, from_ms, to_ms, said.text.as_str()));
            let speakers = &people.speakers;
            let speaker = speakers.get(&(stream, Some(from_ms))).or_else(|| speakers.get(&(stream, None)));
            let speaker = speaker.map(|name| (*name).to_owned());
            let (text, original, mut words) = match edited {
                Some(text) if **text != said.text => ((*text).to_owned(), Some(said.text), Vec::new()),
                _ => (said.text, None, said.words),
            };
            for word in &mut words {
                word.from += placed.from;
                word.to += placed.from;
            }
            Passage::Speech(Utterance {
                stream,
                from: placed.from + said.from,
                to: placed.from + said.to,
                stream_from: said.from,
                stream_to: said.to,
                text,
                original,
                speaker,
                words,
            })
        }
    }
}

fn source(placed: &Placed, changes: &Changes) -> SourceInfo {
    let stream = placed.stream.stream;
    SourceInfo {
        stream,
        label: placed.stream.info.label.clone(),
        speaker: changes.speakers().get(&(stream, None)).map(|name| (*name).to_owned()),
        from: placed.from,
        duration: placed.duration(),
    }
}

/// Milliseconds since the Unix epoch of a stream's first frame, less where it lies: the start of the recording.
fn begun_ms(placed: &Placed, marks: &[ClockMark]) -> Option<i64> {
    let of_stream = marks.iter().filter(|mark| mark.stream == placed.stream.stream);
    let mark = of_stream.min_by_key(|mark| mark.index)?;
    let before = placed.from + placed.stream.info.format.stream_time(mark.index);
    mark.utc_ms.checked_sub(i64::try_from(before.as_millis()).ok()?)
}

/// Whole milliseconds, as entries of a transcript are rounded to.
fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

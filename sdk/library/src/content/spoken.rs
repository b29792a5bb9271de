use std::time::Duration;

use glasslink_audio::journal::{RecordedEvent, Recording, RecordingError};
use glasslink_protocol::{Epoch, EventNumber, FrameIndex, Gap, GapCause, StreamFormat, TranscriptEvent};
use glasslink_transcript::{Entry, Timeline, TimelineError};

use super::place::Placed;
use super::transcript_file::Heard;
use crate::changes::Changes;

/// What a stream says and lacks, in stream time: as heard when it was recorded, and where it was transcribed again as
/// heard then.
pub(super) fn spoken(
    recording: &Recording,
    placed: &Placed,
    events: &[RecordedEvent],
    changes: &Changes,
    problems: &mut Vec<String>,
) -> Result<Vec<Entry>, RecordingError> {
    let (id, format) = (placed.stream.stream, placed.stream.info.format);
    let gaps = recording.gaps(id)?;
    let again: Vec<Heard> = changes
        .transcripts()
        .filter(|file| file.stream == id)
        .filter_map(|file| match Heard::read(recording.dir(), file.file) {
            Ok(heard) => Some(heard),
            Err(error) => {
                problems.push(format!("the transcript in {} cannot be read: {error}", file.file));
                None
            }
        })
        .collect();
    let known = events.iter().filter(|event| event.event.stream() == id);
    let settled = known.clone().filter_map(|known| match &known.event {
        TranscriptEvent::Final(said) => Some(said.to),
        TranscriptEvent::Gap(_) => None,
    });
    // The mark may be behind what it marks.
    let transcribed = settled.fold(placed.stream.transcribed, FrameIndex::max);
    let untranscribed = Gap::new(id, transcribed, placed.stream.next, GapCause::NotTranscribed, &format);
    let known = known.map(|RecordedEvent { epoch, number, event }| (*epoch, *number, event.clone()));
    let rest = (untranscribed.from < untranscribed.to).then_some(untranscribed);
    let mut entries = timeline(&gaps, known, rest, &format, problems);
    for heard in again {
        let (from, to) = (format.stream_time(heard.from), format.stream_time(heard.to));
        let numbered = (1..).zip(heard.events);
        let known = numbered.map(|(number, event)| (Epoch(1), EventNumber(number), event));
        let inside: Vec<Gap> = gaps.iter().filter_map(|gap| within(gap, heard.from, heard.to)).collect();
        let replaced = timeline(&inside, known, None, &format, problems);
        entries = entries.into_iter().flat_map(|entry| outside(entry, from, to)).collect();
        entries.extend(replaced);
        entries.sort_by_key(Entry::start);
    }
    Ok(joined(entries))
}

/// One stream by itself, so that its times are stream times.
fn timeline(
    gaps: &[Gap],
    events: impl Iterator<Item = (Epoch, EventNumber, TranscriptEvent)>,
    rest: Option<Gap>,
    format: &StreamFormat,
    problems: &mut Vec<String>,
) -> Vec<Entry> {
    let mut timeline = Timeline::new();
    let mut said = |taken: Result<bool, TimelineError>| {
        if let Err(error) = taken {
            problems.push(error.to_string());
        }
    };
    let mut declared = None;
    let mut declare = |timeline: &mut Timeline, stream| {
        declared.is_none().then(|| {
            declared = Some(stream);
            timeline.declare(stream, *format, None)
        });
    };
    for gap in gaps {
        declare(&mut timeline, gap.stream);
        said(timeline.gap(*gap));
    }
    for (epoch, number, event) in events {
        declare(&mut timeline, event.stream());
        said(timeline.event(epoch, number, event));
    }
    if let Some(gap) = rest {
        declare(&mut timeline, gap.stream);
        said(timeline.gap(gap));
    }
    timeline.transcript().into_entries()
}

fn within(gap: &Gap, from: FrameIndex, to: FrameIndex) -> Option<Gap> {
    let (from, to) = (gap.from.max(from), gap.to.min(to));
    (from < to).then_some(Gap { from, to, ..*gap })
}

/// What is left of an entry without `from..to`: of a gap what lies outside, of speech all or nothing.
fn outside(entry: Entry, from: Duration, to: Duration) -> Vec<Entry> {
    match entry {
        Entry::Speech(said) => {
            let middle = said.from + said.to.saturating_sub(said.from) / 2;
            if (from..to).contains(&middle) { vec![] } else { vec![Entry::Speech(said)] }
        }
        Entry::Gap(gap) => {
            let mut parts = Vec::new();
            for (start, end) in [(gap.from, gap.to.min(from)), (gap.from.max(to), gap.to)] {
                if start < end {
                    parts.push(Entry::Gap(glasslink_transcript::Missing { from: start, to: end, ..gap }));
                }
            }
            parts
        }
    }
}

/// Gaps that touch and have one cause are one.
fn joined(entries: Vec<Entry>) -> Vec<Entry> {
    let mut joined: Vec<Entry> = Vec::new();
    for entry in entries {
        if let (Some(Entry::Gap(last)), Entry::Gap(gap)) = (joined.last_mut(), &entry)
            && last.to == gap.from
            && last.cause == gap.cause
        {
            last.to = gap.to;
            continue;
        }
        joined.push(entry);
    }
    joined
}

use std::collections::BTreeMap;
use std::time::Duration;

use glasslink_protocol::{
    ClockMark, Epoch, EventNumber, FrameIndex, Gap, Partial, StreamFormat, StreamId, TranscriptEvent,
};

use super::stream::Stream;
use crate::{Entry, Missing, Speech, TimedWord, Transcript};

/// Partials, finals and gaps of a session's streams.
///
/// Where a stream lies on the timeline: one that continues another lies where that says; others lie by their first
/// clock marks, or at the start without one. The timeline starts with the earliest stream.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    streams: BTreeMap<StreamId, Stream>,
    taken: Option<(Epoch, EventNumber)>,
    entries: usize,
    text_bytes: usize,
}

/// Where a stream goes on that was cut off: its frame 0 lies where frame `at` of `stream` would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continues {
    pub stream: StreamId,
    pub at: FrameIndex,
}

/// Text that is still being spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivePartial {
    pub stream: StreamId,
    pub from: Duration,
    pub text: String,
}

/// Why the timeline did not take something. It is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimelineError {
    /// Declare a stream before anything that names it.
    #[error("stream {0} is not declared")]
    Unknown(StreamId),
    /// A stream keeps its format and its place; a new one needs a new id.
    #[error("stream {0} is declared already, and differently")]
    Declared(StreamId),
    /// Frames `from..to` must be a range with something in it.
    #[error("frames {from}..{to} of stream {stream} are not a range")]
    Range { stream: StreamId, from: FrameIndex, to: FrameIndex },
    /// 1,024 streams, 200,000 entries and 64 MiB of text are a timeline's bounds: export it and begin another.
    #[error("the timeline is full: {0}")]
    Full(&'static str),
}

/// A session of a day that reconnects every minute and a half has fewer.
const MAX_STREAMS: usize = 1024;
/// An utterance a second for two days.
const MAX_ENTRIES: usize = 200_000;
/// Two days of speech are about 3 MiB; words with times take most of the rest.
const MAX_TEXT_BYTES: usize = 64 << 20;

impl Timeline {
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a stream known. Declaring it again, the same, changes nothing.
    pub fn declare(
        &mut self,
        stream: StreamId,
        format: StreamFormat,
        continues: Option<Continues>,
    ) -> Result<(), TimelineError> {
        if let Some(known) = self.streams.get(&stream) {
            let same = known.format == format && known.continues == continues;
            return if same { Ok(()) } else { Err(TimelineError::Declared(stream)) };
        }
        if let Some(Continues { stream: earlier, .. }) = continues
            && !self.streams.contains_key(&earlier)
        {
            return Err(TimelineError::Unknown(earlier));
        }
        if self.streams.len() == MAX_STREAMS {
            return Err(TimelineError::Full("too many streams"));
        }
        self.streams.insert(stream, Stream::new(format, continues));
        Ok(())
    }

    /// Makes a stream known that has the format of the one it continues.
    pub fn go_on(&mut self, stream: StreamId, continues: Continues) -> Result<(), TimelineError> {
        let format = self.stream(continues.stream)?.format;
        self.declare(stream, format, Some(continues))
    }

    /// Ties a stream to the clocks.
    pub fn mark(&mut self, mark: ClockMark) -> Result<(), TimelineError> {
        self.stream(mark.stream)?.mark(mark);
        Ok(())
    }

    /// Replaces the earlier revision of the same utterance. Says whether anything changed: an older revision, or one
    /// whose time is settled, is ignored.
    pub fn partial(&mut self, partial: Partial) -> Result<bool, TimelineError> {
        Ok(self.stream(partial.stream)?.partial(partial))
    }

    /// Takes a final or a gap. Says whether it was new: an event that was taken before is ignored, and so is what
    /// an epoch says again about time that is settled.
    pub fn event(
        &mut self,
        epoch: Epoch,
        number: EventNumber,
        event: TranscriptEvent,
    ) -> Result<bool, TimelineError> {
        if self.taken.is_some_and(|taken| (epoch, number) <= taken) {
            return Ok(false);
        }
        let bytes = match &event {
            TranscriptEvent::Final(said) => {
                said.text.len() + said.words.iter().map(|word| word.text.len() + 24).sum::<usize>()
            }
            TranscriptEvent::Gap(_) => 0,
        };
        self.room_for(bytes)?;
        let stream = self.stream(event.stream())?;
        let added = match event {
            TranscriptEvent::Final(said) => stream.settle(epoch, said)?,
            TranscriptEvent::Gap(gap) => stream.gap(gap)?,
        };
        self.taken = Some((epoch, number));
        self.entries += added;
        self.text_bytes += bytes * added;
        Ok(added > 0)
    }

    /// Takes a gap that the client itself knows of, before the relay tells it as an event.
    pub fn gap(&mut self, gap: Gap) -> Result<bool, TimelineError> {
        self.room_for(0)?;
        let added = self.stream(gap.stream)?.gap(gap)?;
        self.entries += added;
        Ok(added > 0)
    }

    /// What is settled so far.
    pub fn transcript(&self) -> Transcript {
        let offsets = self.offsets();
        let mut entries = Vec::with_capacity(self.entries);
        for (id, stream) in &self.streams {
            let at = |index| offsets[id] + stream.format.stream_time(index);
            entries.extend(
                stream
                    .gaps()
                    .map(|gap| Entry::Gap(Missing { from: at(gap.from), to: at(gap.to), cause: gap.cause })),
            );
            entries.extend(stream.finals().map(|said| {
                let words = said.words.iter().map(|word| TimedWord {
                    text: word.text.clone(),
                    from: at(word.from),
                    to: at(word.to),
                    estimated: word.estimated,
                });
                let words = words.collect();
                Entry::Speech(Speech { from: at(said.from), to: at(said.to), text: said.text.clone(), words })
            }));
        }
        Transcript::new(entries)
    }

    /// What is not settled yet, ordered by time.
    pub fn partials(&self) -> Vec<LivePartial> {
        let offsets = self.offsets();
        let mut partials: Vec<_> = self
            .streams
            .iter()
            .flat_map(|(id, stream)| stream.partials().map(move |partial| (id, stream, partial)))
            .map(|(id, stream, partial)| LivePartial {
                stream: *id,
                from: offsets[id] + stream.format.stream_time(partial.from),
                text: partial.text.clone(),
            })
            .collect();
        partials.sort_by_key(|partial| partial.from);
        partials
    }

    /// Milliseconds since the Unix epoch at which frame `index` was captured; `None` without a clock mark.
    pub fn utc_ms(&self, stream: StreamId, index: FrameIndex) -> Option<i64> {
        self.streams.get(&stream)?.utc_ms(index)
    }

    fn stream(&mut self, stream: StreamId) -> Result<&mut Stream, TimelineError> {
        self.streams.get_mut(&stream).ok_or(TimelineError::Unknown(stream))
    }

    fn room_for(&self, text_bytes: usize) -> Result<(), TimelineError> {
        if self.entries >= MAX_ENTRIES {
            return Err(TimelineError::Full("too many entries"));
        }
        if self.text_bytes + text_bytes > MAX_TEXT_BYTES {
            return Err(TimelineError::Full("too much text"));
        }
        Ok(())
    }

    /// Timeline time of each stream's frame 0.
    fn offsets(&self) -> BTreeMap<StreamId, Duration> {
        let origin = self
            .streams
            .values()
            .filter(|stream| stream.continues.is_none())
            .filter_map(Stream::start_us)
            .min();
        let mut offsets = BTreeMap::new();
        for id in self.streams.keys() {
            // A stream can only continue one that was declared before it, so the chain ends.
            let (mut id_on_chain, mut offset) = (*id, Duration::ZERO);
            loop {
                let stream = &self.streams[&id_on_chain];
                let Some(Continues { stream: earlier, at }) = stream.continues else {
                    let start = stream.start_us().zip(origin).map_or(0, |(start, origin)| start - origin);
                    offset = offset.saturating_add(Duration::from_micros(start.unsigned_abs()));
                    break;
                };
                offset = offset.saturating_add(self.streams[&earlier].format.stream_time(at));
                id_on_chain = earlier;
            }
            offsets.insert(*id, offset);
        }
        offsets
    }
}

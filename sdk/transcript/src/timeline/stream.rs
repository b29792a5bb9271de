use std::collections::BTreeMap;

use glasslink_protocol::{ClockMark, Epoch, Final, FrameIndex, Gap, Partial, StreamFormat, StreamId};

use super::api::{Continues, TimelineError};
use super::gaps::Gaps;

/// One stream's part of the timeline.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) format: StreamFormat,
    pub(super) continues: Option<Continues>,
    partials: BTreeMap<FrameIndex, Partial>,
    finals: BTreeMap<(FrameIndex, u32), (Epoch, Final)>,
    epoch: Option<Epoch>,
    several_epochs: bool,
    gaps: Gaps,
    /// Partials that start earlier are settled.
    settled: FrameIndex,
    marks: BTreeMap<FrameIndex, ClockMark>,
}

/// An engine has one utterance open, and one or two more whose finals are on their way.
const MAX_PARTIALS: usize = 8;
/// A mark every 10 s for 22 hours; then every other one goes.
const MAX_MARKS: usize = 8192;

impl Stream {
    pub(super) fn new(format: StreamFormat, continues: Option<Continues>) -> Self {
        Self {
            format,
            continues,
            partials: BTreeMap::new(),
            finals: BTreeMap::new(),
            epoch: None,
            several_epochs: false,
            gaps: Gaps::default(),
            settled: FrameIndex(0),
            marks: BTreeMap::new(),
        }
    }

    pub(super) fn finals(&self) -> impl Iterator<Item = &Final> {
        self.finals.values().map(|(_, said)| said)
    }

    pub(super) fn gaps(&self) -> impl Iterator<Item = Gap> {
        self.gaps.iter()
    }

    /// An empty text is how an engine takes back what was no speech after all.
    pub(super) fn partials(&self) -> impl Iterator<Item = &Partial> {
        self.partials.values().filter(|partial| !partial.text.is_empty())
    }

    pub(super) fn partial(&mut self, partial: Partial) -> bool {
        let stale = self.partials.get(&partial.from).is_some_and(|known| known.revision >= partial.revision);
        if stale || partial.from < self.settled {
            return false;
        }
        self.partials.insert(partial.from, partial);
        if self.partials.len() > MAX_PARTIALS {
            self.partials.pop_first();
        }
        true
    }

    /// Adds a final, without the words that an earlier epoch has settled. Returns how many entries it made.
    pub(super) fn settle(&mut self, epoch: Epoch, mut said: Final) -> Result<usize, TimelineError> {
        check_range(said.stream, said.from, said.to)?;
        let to = said.to;
        if self.epoch.replace(epoch).is_some_and(|known| known != epoch) {
            self.several_epochs = true;
        }
        if self.several_epochs {
            self.drop_settled_words(epoch, &mut said);
        }
        self.discard_partials(to);
        if said.from >= said.to || said.text.is_empty() {
            return Ok(0);
        }
        let same_start = self.finals.range((said.from, 0)..=(said.from, u32::MAX)).count() as u32;
        self.finals.insert((said.from, same_start), (epoch, said));
        Ok(1)
    }

    /// Adds a gap where none is known yet. Returns how many entries it made.
    pub(super) fn gap(&mut self, gap: Gap) -> Result<usize, TimelineError> {
        check_range(gap.stream, gap.from, gap.to)?;
        Ok(self.gaps.add(gap, &self.format))
    }

    pub(super) fn mark(&mut self, mark: ClockMark) {
        self.marks.insert(mark.index, mark);
        if self.marks.len() > MAX_MARKS {
            let mut odd = true;
            let first = *self.marks.keys().next().unwrap_or(&mark.index);
            self.marks.retain(|index, _| {
                odd = !odd;
                odd || *index == first
            });
        }
    }

    /// Monotonic microseconds at frame 0.
    pub(super) fn start_us(&self) -> Option<i64> {
        let (index, mark) = self.marks.first_key_value()?;
        let before = i64::try_from(self.format.stream_time(*index).as_micros()).ok()?;
        i64::try_from(mark.monotonic_us).ok()?.checked_sub(before)
    }

    pub(super) fn utc_ms(&self, index: FrameIndex) -> Option<i64> {
        let (at, mark) = self.marks.range(..=index).next_back().or_else(|| self.marks.first_key_value())?;
        let signed = |index| i64::try_from(self.format.stream_time(index).as_millis()).ok();
        mark.utc_ms.checked_add(signed(index)?.checked_sub(signed(*at)?)?)
    }

    fn discard_partials(&mut self, settled: FrameIndex) {
        self.settled = self.settled.max(settled);
        self.partials = self.partials.split_off(&self.settled);
    }

    /// What an epoch settled stays. Of a final that another epoch makes of the same frames, only the words whose
    /// middle lies outside remain; of one without word times, all or nothing.
    fn drop_settled_words(&self, epoch: Epoch, said: &mut Final) {
        let settled: Vec<(FrameIndex, FrameIndex)> = self
            .finals
            .values()
            .filter(|(known_epoch, known)| {
                *known_epoch != epoch && known.from < said.to && known.to > said.from
            })
            .map(|(_, known)| (known.from, known.to))
            .collect();
        if settled.is_empty() {
            return;
        }
        let is_settled = |from: FrameIndex, to: FrameIndex| {
            let middle = from + to.since(from) / 2;
            settled.iter().any(|(from, to)| (*from..*to).contains(&middle))
        };
        if said.words.is_empty() {
            if is_settled(said.from, said.to) {
                said.text.clear();
            }
            return;
        }
        said.words.retain(|word| !is_settled(word.from, word.to));
        let texts: Vec<&str> = said.words.iter().map(|word| word.text.as_str()).collect();
        said.text = texts.join(" ");
        if let (Some(first), Some(last)) = (said.words.first(), said.words.last()) {
            (said.from, said.to) = (first.from, last.to);
        }
    }
}

fn check_range(stream: StreamId, from: FrameIndex, to: FrameIndex) -> Result<(), TimelineError> {
    if from < to { Ok(()) } else { Err(TimelineError::Range { stream, from, to }) }
}

use std::collections::BTreeMap;
use std::time::Duration;

use super::response::{Event, Segment};

/// What is said on one channel, as segments that are told again under the same id until they are settled.
pub(super) struct Segments {
    channel: usize,
    /// What the ids of its session begin with.
    prefix: String,
    count: u64,
    /// Those that are not settled, by where they begin.
    open: BTreeMap<Duration, String>,
}

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    Segment(Segment),
    Event(Event),
}

impl Segments {
    pub(super) fn new(channel: usize, session: &str) -> Self {
        let prefix = session.chars().take(12).collect();
        Self { channel, prefix, count: 0, open: BTreeMap::new() }
    }

    /// Text that may change, of what is said from `from` on, and was heard to `to`.
    pub(super) fn partial(&mut self, from: Duration, to: Duration, text: String) -> Told {
        let known = self.open.get(&from).cloned();
        let id = known.unwrap_or_else(|| self.new_id());
        self.open.insert(from, id.clone());
        self.segment(id, from, to, text)
    }

    /// Text that will not: it takes the place of what was told of the same time.
    pub(super) fn settled(&mut self, from: Duration, to: Duration, text: String) -> Vec<Told> {
        let later = self.open.split_off(&to);
        let mut replaced = std::mem::replace(&mut self.open, later).into_values();
        let id = replaced.next().unwrap_or_else(|| self.new_id());
        let others: Vec<String> = replaced.collect();
        let mut told = vec![self.segment(id, from, to, text)];
        told.extend(deleted(others));
        told
    }

    /// All that begins before `to` is settled: what was told of it otherwise was no word.
    pub(super) fn transcribed(&mut self, to: Duration) -> Option<Told> {
        let later = self.open.split_off(&to);
        deleted(std::mem::replace(&mut self.open, later).into_values().collect())
    }

    fn segment(&self, id: String, from: Duration, to: Duration, text: String) -> Told {
        Told::Segment(Segment {
            id,
            text,
            speaker: format!("SPEAKER_{:02}", self.channel),
            speaker_id: self.channel,
            is_user: false,
            person_id: None,
            start: seconds(from),
            end: seconds(to.max(from)),
            translations: [],
        })
    }

    /// A UUID by its form.
    fn new_id(&mut self) -> String {
        self.count += 1;
        let (prefix, rest) = self.prefix.split_at(self.prefix.len().min(8));
        format!("{prefix}-{rest:0>4}-4000-8{:03x}-{:012x}", self.channel, self.count)
    }
}

fn deleted(segment_ids: Vec<String>) -> Option<Told> {
    (!segment_ids.is_empty()).then_some(Told::Event(Event::SegmentsDeleted { segment_ids }))
}

fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn id(told: &Told) -> &str {
        let Told::Segment(segment) = told else { panic!("{told:?}") };
        &segment.id
    }

    #[test]
    fn a_segment_keeps_its_id_until_it_is_settled_and_the_next_has_another() {
        let mut segments = Segments::new(1, "0123456789abcdef0123456789abcdef");
        let first = segments.partial(ms(100), ms(500), "ever".into());
        let second = segments.partial(ms(100), ms(900), "ever tried".into());
        let next = segments.partial(ms(1_200), ms(1_500), "no".into());
        let settled = segments.settled(ms(120), ms(1_000), "Ever tried.".into());
        assert_eq!((id(&first), id(&second)), (id(&settled[0]), id(&settled[0])));
        assert_eq!(settled.len(), 1);
        assert_ne!(id(&next), id(&first));
        assert_eq!(id(&segments.settled(ms(1_200), ms(1_900), "No matter.".into())[0]), id(&next));
        assert_ne!(id(&segments.settled(ms(2_000), ms(2_100), "Try.".into())[0]), id(&next));
        let Told::Segment(segment) = first else { unreachable!() };
        assert_eq!((segment.speaker.as_str(), segment.id.len()), ("SPEAKER_01", 36));
    }

    #[test]
    fn what_was_no_word_is_deleted() {
        let mut segments = Segments::new(0, "0123456789abcdef0123456789abcdef");
        let told = segments.partial(ms(100), ms(500), "uh".into());
        assert_eq!(segments.transcribed(ms(100)), None);
        let deleted = Some(Told::Event(Event::SegmentsDeleted { segment_ids: vec![id(&told).to_owned()] }));
        assert_eq!(segments.transcribed(ms(600)), deleted);
        let ids =
            [segments.partial(ms(700), ms(800), "a".into()), segments.partial(ms(900), ms(950), "b".into())];
        let settled = segments.settled(ms(700), ms(1_000), "A b.".into());
        assert_eq!(id(&settled[0]), id(&ids[0]));
        assert_eq!(
            settled[1],
            Told::Event(Event::SegmentsDeleted { segment_ids: vec![id(&ids[1]).to_owned()] })
        );
    }
}

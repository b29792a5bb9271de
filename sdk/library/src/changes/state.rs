use std::collections::{BTreeMap, BTreeSet};

use glasslink_protocol::{FrameIndex, StreamId};

use super::kinds::{Change, ChangeRecord, NoteId};

/// The changes of a recording, and what they come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    records: Vec<ChangeRecord>,
    /// Numbers of those that were undone.
    undone: BTreeSet<u64>,
}

/// A note: about the recording, or about a place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) id: NoteId,
    pub(crate) at_ms: Option<u64>,
    pub(crate) text: String,
}

/// What was transcribed again, and the file that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TranscriptFile<'a> {
    pub(crate) stream: StreamId,
    pub(crate) from: FrameIndex,
    pub(crate) to: FrameIndex,
    pub(crate) engine: &'a str,
    pub(crate) file: &'a str,
}

/// Where words were changed: stream, start and end in stream milliseconds, and what the engine heard.
pub(crate) type WordsKey<'a> = (StreamId, u64, u64, &'a str);

/// A change and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    pub record: ChangeRecord,
    /// It was undone.
    pub undone: bool,
}

impl Changes {
    pub(crate) fn new(records: Vec<ChangeRecord>) -> Self {
        let mut undone = BTreeSet::new();
        for record in records.iter().rev() {
            if let Change::Undo { of } = record.change
                && !undone.contains(&record.number)
            {
                undone.insert(of);
            }
        }
        Self { records, undone }
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.records.iter().map(|record| record.number).max().unwrap_or(0) + 1
    }

    pub(crate) fn history(&self) -> Vec<HistoryEntry> {
        let entry = |record: &ChangeRecord| {
            let undone = self.undone.contains(&record.number);
            HistoryEntry { record: record.clone(), undone }
        };
        self.records.iter().map(entry).collect()
    }

    pub(crate) fn numbered(&self, number: u64) -> Option<&Change> {
        self.records.iter().find(|record| record.number == number).map(|record| &record.change)
    }

    /// The last change that undoing takes back.
    pub(crate) fn last_undoable(&self) -> Option<u64> {
        let mut active = self.active().filter(|record| record.change.is_undoable());
        active.next_back().map(|record| record.number)
    }

    /// The undoing that doing again takes back: the last one, if nothing else was done since.
    pub(crate) fn last_undo(&self) -> Option<u64> {
        let last = self.active().rfind(|record| {
            record.change.is_undoable()
                || matches!(record.change, Change::Undo { of } if self.is_undoable(of))
        })?;
        matches!(last.change, Change::Undo { .. }).then_some(last.number)
    }

    pub(crate) fn title(&self) -> Option<&str> {
        let title = self.last(|change| match change {
            Change::Title { title } => Some(title.as_str()),
            _ => None,
        });
        title.filter(|title| !title.is_empty())
    }

    pub(crate) fn notes(&self) -> Vec<Note> {
        let mut notes = BTreeMap::new();
        for ChangeRecord { number, change, .. } in self.active() {
            match change {
                Change::Note { at_ms, text } => {
                    let id = NoteId(*number);
                    notes.insert(id, Note { id, at_ms: *at_ms, text: text.clone() });
                }
                Change::NoteText { note, text: None } => {
                    notes.remove(note);
                }
                Change::NoteText { note, text: Some(text) } => {
                    if let Some(note) = notes.get_mut(note) {
                        note.text.clone_from(text);
                    }
                }
                _ => {}
            }
        }
        notes.into_values().collect()
    }

    /// The words that stand for what the engine heard.
    pub(crate) fn words(&self) -> BTreeMap<WordsKey<'_>, &str> {
        let words = self.active().filter_map(|record| match &record.change {
            Change::Words { stream, from_ms, to_ms, was, text } => {
                Some(((*stream, *from_ms, *to_ms, was.as_str()), text.as_str()))
            }
            _ => None,
        });
        words.collect()
    }

    /// Who speaks in each source, or in what begins at a stream time in milliseconds.
    pub(crate) fn speakers(&self) -> BTreeMap<(StreamId, Option<u64>), &str> {
        let mut speakers = BTreeMap::new();
        for record in self.active() {
            if let Change::Speaker { stream, from_ms, name } = &record.change {
                match name {
                    Some(name) => speakers.insert((*stream, *from_ms), name.as_str()),
                    None => speakers.remove(&(*stream, *from_ms)),
                };
            }
        }
        speakers
    }

    /// What was transcribed again, in that order.
    pub(crate) fn transcripts(&self) -> impl Iterator<Item = TranscriptFile<'_>> {
        self.active().filter_map(|record| match &record.change {
            Change::Transcribed { stream, from, to, engine, file } => {
                Some(TranscriptFile { stream: *stream, from: *from, to: *to, engine, file })
            }
            _ => None,
        })
    }

    /// The file that was imported, and when it was begun, in milliseconds since the Unix epoch.
    pub(crate) fn imported(&self) -> Option<(&str, Option<i64>)> {
        self.last(|change| match change {
            Change::Imported { file, begun_ms } => Some((file.as_str(), *begun_ms)),
            _ => None,
        })
    }

    pub(crate) fn is_protected(&self) -> bool {
        let protected = self.last(|change| match change {
            Change::Protected { protected } => Some(*protected),
            _ => None,
        });
        protected.unwrap_or(false)
    }

    /// Milliseconds since the Unix epoch at which it was put into the trash, if it is there.
    pub(crate) fn trashed_ms(&self) -> Option<i64> {
        let mut trashed = None;
        for record in self.active() {
            match record.change {
                Change::Trashed => trashed = Some(record.made_ms),
                Change::Restored => trashed = None,
                _ => {}
            }
        }
        trashed
    }

    fn active(&self) -> impl DoubleEndedIterator<Item = &ChangeRecord> {
        self.records.iter().filter(|record| !self.undone.contains(&record.number))
    }

    fn last<'a, T>(&'a self, pick: impl Fn(&'a Change) -> Option<T>) -> Option<T> {
        self.active().filter_map(|record| pick(&record.change)).next_back()
    }

    /// Whether change `of` is one that undoing takes back, and not itself an undoing.
    fn is_undoable(&self, of: u64) -> bool {
        self.records.iter().any(|record| record.number == of && record.change.is_undoable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(made: Vec<Change>) -> Changes {
        let record = |(number, change)| ChangeRecord { number, made_ms: 0, change };
        Changes::new((1..).zip(made).map(record).collect())
    }

    fn title(title: &str) -> Change {
        Change::Title { title: title.into() }
    }

    #[test]
    fn undoing_goes_back_step_by_step_and_forth_again() {
        let mut made = vec![title("One"), title("Two")];
        let step = |made: &mut Vec<Change>, of: Option<u64>| made.push(Change::Undo { of: of.unwrap() });

        let last = changes(made.clone()).last_undoable();
        step(&mut made, last);
        assert_eq!(changes(made.clone()).title(), Some("One"));
        let last = changes(made.clone()).last_undoable();
        step(&mut made, last);
        assert_eq!(changes(made.clone()).title(), None);
        assert_eq!(changes(made.clone()).last_undoable(), None);

        let last = changes(made.clone()).last_undo();
        step(&mut made, last);
        assert_eq!(changes(made.clone()).title(), Some("One"));
        let last = changes(made.clone()).last_undo();
        step(&mut made, last);
        assert_eq!(changes(made.clone()).title(), Some("Two"));
        assert_eq!(changes(made.clone()).last_undo(), None);
    }

    #[test]
    fn what_was_done_since_is_not_overwritten_by_doing_again() {
        let made = vec![title("One"), Change::Undo { of: 1 }, title("Two")];
        assert_eq!(changes(made).last_undo(), None);
    }

    #[test]
    fn deleting_is_not_undone_by_the_way() {
        let deleted = changes(vec![title("One"), Change::Trashed]);
        assert_eq!((deleted.last_undoable(), deleted.trashed_ms()), (Some(1), Some(0)));
        assert_eq!(changes(vec![Change::Trashed, Change::Restored]).trashed_ms(), None);
    }

    #[test]
    fn notes_change_and_go() {
        let note = Change::Note { at_ms: Some(500), text: "door".into() };
        let text = |text: Option<&str>| Change::NoteText { note: NoteId(1), text: text.map(Into::into) };
        let notes = changes(vec![note.clone(), text(Some("window"))]).notes();
        assert_eq!(notes, [Note { id: NoteId(1), at_ms: Some(500), text: "window".into() }]);
        assert!(changes(vec![note, text(None)]).notes().is_empty());
    }
}

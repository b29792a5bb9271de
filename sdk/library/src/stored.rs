//! Passages as the index keeps them.

use std::time::Duration;

use glasslink_protocol::{GapCause, StreamId};
use glasslink_transcript::TimedWord;
use serde::{Deserialize, Serialize};

use crate::changes::NoteId;
use crate::content::{Mark, Missing, Note, Passage, Utterance};

/// Times in milliseconds; names are short because there are many.
#[derive(Serialize, Deserialize)]
pub(crate) enum StoredPassage {
    #[serde(rename = "s")]
    Speech {
        stream: StreamId,
        at: [u64; 4],
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        original: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        speaker: Option<String>,
        words: Vec<(String, u64, u64, bool)>,
    },
    #[serde(rename = "g")]
    Gap { stream: StreamId, from: u64, to: u64, cause: GapCause },
    #[serde(rename = "m")]
    Marker { stream: StreamId, at: u64, label: String },
    #[serde(rename = "n")]
    Note { id: NoteId, at: Option<u64>, text: String },
}

pub(crate) fn to_stored(passage: &Passage) -> StoredPassage {
    match passage {
        Passage::Speech(said) => StoredPassage::Speech {
            stream: said.stream,
            at: [said.from, said.to, said.stream_from, said.stream_to].map(ms),
            text: said.text.clone(),
            original: said.original.clone(),
            speaker: said.speaker.clone(),
            words: said.words.iter().map(to_word).collect(),
        },
        Passage::Gap(Missing { stream, from, to, cause }) => {
            StoredPassage::Gap { stream: *stream, from: ms(*from), to: ms(*to), cause: *cause }
        }
        Passage::Marker(Mark { stream, at, label }) => {
            StoredPassage::Marker { stream: *stream, at: ms(*at), label: label.clone() }
        }
        Passage::Note(Note { id, at, text }) => {
            StoredPassage::Note { id: *id, at: at.map(ms), text: text.clone() }
        }
    }
}

pub(crate) fn from_stored(stored: StoredPassage) -> Passage {
    let time = Duration::from_millis;
    match stored {
        StoredPassage::Speech { stream, at, text, original, speaker, words } => {
            let [from, to, stream_from, stream_to] = at.map(time);
            let words = words.into_iter().map(from_word).collect();
            Passage::Speech(Utterance {
                stream,
                from,
                to,
                stream_from,
                stream_to,
                text,
                original,
                speaker,
                words,
            })
        }
        StoredPassage::Gap { stream, from, to, cause } => {
            Passage::Gap(Missing { stream, from: time(from), to: time(to), cause })
        }
        StoredPassage::Marker { stream, at, label } => Passage::Marker(Mark { stream, at: time(at), label }),
        StoredPassage::Note { id, at, text } => Passage::Note(Note { id, at: at.map(time), text }),
    }
}

fn to_word(word: &TimedWord) -> (String, u64, u64, bool) {
    (word.text.clone(), ms(word.from), ms(word.to), word.estimated)
}

fn from_word((text, from, to, estimated): (String, u64, u64, bool)) -> TimedWord {
    TimedWord { text, from: Duration::from_millis(from), to: Duration::from_millis(to), estimated }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

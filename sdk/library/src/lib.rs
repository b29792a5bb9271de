//! Recordings: found, searched, edited, played, transcribed again, kept and deleted.
//!
//! A [`Library`] is a folder of recordings, each a journal (`glasslink_audio::journal`), which is the truth and is never
//! changed. Beside each journal lie the changes that people made; over all of them lies an index, which is made again
//! where it is lost.
//!
//! ```
//! use std::time::Duration;
//! use glasslink_library::{AudioFormat, ImportOptions, Library, Passage};
//! use glasslink_transcript::Format;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let wav = folder.path().join("talk.wav");
//! # std::fs::write(&wav, b"RIFF\x24\x7d\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\x7d\0\0")?;
//! # std::fs::OpenOptions::new().write(true).open(&wav)?.set_len(32_044)?;
//! let library = Library::open(folder.path().join("recordings"))?;
//! let id = library.import(&wav, ImportOptions::default())?.id;
//!
//! library.set_title(id, "Talk on tides")?;
//! library.add_note(id, Some(Duration::from_millis(500)), "the moon")?;
//! for passage in library.passages(id)? {
//!     match passage {
//!         Passage::Speech(said) => println!("{:?} {}", said.from, said.text),
//!         Passage::Gap(gap) => println!("{:?} {}", gap.from, gap.cause.words()),
//!         Passage::Marker(mark) => println!("{:?} {}", mark.at, mark.label),
//!         Passage::Note(note) => println!("{:?} {}", note.at, note.text),
//!     }
//! }
//! let found = library.search("moon", None, 0, 20)?;
//! assert_eq!((found.total, found.hits[0].at), (1, Duration::from_millis(500)));
//!
//! let mut audio = library.audio(id)?;
//! let mut samples = Vec::new();
//! audio.seek(Duration::from_millis(900));
//! while audio.read(&mut samples)? {}
//! assert_eq!(samples.len(), 4_800);
//! drop(audio);
//!
//! library.export_audio_to(id, AudioFormat::Flac, &folder.path().join("talk.flac"))?;
//! library.export_transcript_to(id, Format::Srt, &folder.path().join("talk.srt"))?;
//!
//! library.delete(id)?;
//! assert!(library.recordings()?.is_empty());
//! library.undelete(id)?;
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | record | [`Library::begin`], or [`Library::store`] with a link |
//! | show a recording | [`Library::recordings`], [`Library::passages`], [`Library::audio`] |
//! | change it, and take that back | [`Library::set_title`] to [`Library::protect`], [`Library::undo`], [`Library::redo`] |
//! | transcribe it again | [`Library::transcribe`] with a [`Transcriber`] |
//! | keep less | [`Library::set_retention`] and [`Library::tidy`] |
//!
//! # On the disk
//!
//! ```text
//! <root>/
//!   <session id, 32 hex>/      a recording: the journal's files (JOURNAL.md of glasslink-audio), and
//!     changes.jsonl            what people did, one change a line
//!     transcript-….json        what an engine heard when it was transcribed again
//!     deleting                 it is being deleted for good
//!   index.sqlite               derived; deleting it costs nothing but the time to make it again
//!   retention.json             the rules, where they are not the default ones
//! ```
//!
//! `changes.jsonl` begins with `{"format":"glasslink changes","version":1}`; each line behind it is a [`ChangeRecord`].
//! Kinds that a version does not know are kept and passed over; a newer version is refused with a sentence.

mod audio;
mod changes;
mod content;
mod error;
mod index;
mod library;
mod retention;
mod stored;
mod summary;
mod transcribe;

pub use audio::{
    AudioFormat, ExportError, ExportedAudio, ImportError, ImportOptions, Imported, RecordedAudio,
    RecordedSource, UnknownAudioFormat,
};
pub use changes::{Change, ChangeRecord, ChangesError, HistoryEntry, NoteId};
pub use content::{Mark, Missing, Note, Passage, SourceInfo, Utterance};
pub use error::LibraryError;
pub use index::{Hit, HitKind, IndexError, SearchResults};
pub use library::{Library, Refreshed};
pub use retention::{Keep, Retention};
pub use summary::{RecordingState, Summary};
pub use transcribe::{TranscribeError, Transcribed, Transcriber};

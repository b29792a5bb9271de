//! Finding, listing, searching and changing recordings.

mod common;

use std::fs;
use std::time::Instant;

use common::{Making, STREAM, frames, library, ms, ten_seconds, texts, tone, utterances};
use glasslink_library::{Change, HitKind, Library, LibraryError, Passage, RecordingState};
use glasslink_protocol::{GapCause, SessionId, StreamId};
use glasslink_transcript::{Entry, Format};

#[test]
fn recordings_are_found_in_the_journal_folder() {
    let (_folder, library) = library();
    assert!(library.recordings().unwrap().is_empty());
    let id = ten_seconds(&library);
    let [summary] = library.recordings().unwrap().try_into().unwrap();
    assert_eq!((summary.id, summary.state, summary.duration), (id, RecordingState::Ended, ms(10_000)));
    assert_eq!((summary.title.as_str(), summary.titled), ("The tide is out", false));
    assert_eq!((summary.lost, summary.untranscribed), (ms(2_000), ms(0)));
    assert_eq!((summary.utc_offset_min, summary.program.as_str()), (60, "test 1.0"));
    assert_eq!(summary.sources[0].label, "Microphone");
    assert!(summary.bytes > 800 * 20 && summary.begun_ms.is_some() && summary.problems.is_empty());
    let unknown = library.passages(SessionId(7));
    assert!(matches!(unknown, Err(LibraryError::Unknown(SessionId(7)))));
}

#[test]
fn what_was_said_and_what_is_missing_lie_in_order_of_time() {
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    library.add_note(id, Some(ms(5_000)), "a door").unwrap();
    let passages = library.passages(id).unwrap();
    let [
        Passage::Speech(tide),
        Passage::Gap(gap),
        Passage::Note(note),
        Passage::Marker(mark),
        Passage::Speech(moon),
    ] = &passages[..]
    else {
        panic!("{passages:?}")
    };
    assert_eq!((tide.from, tide.to, tide.words.len()), (ms(1_000), ms(3_000), 4));
    assert_eq!((gap.from, gap.to, gap.cause), (ms(4_000), ms(6_000), GapCause::Radio));
    assert_eq!((note.at, mark.at, mark.label.as_str()), (Some(ms(5_000)), ms(6_500), "important"));
    assert_eq!(moon.words[4].text, "up");
    let transcript = library.transcript(id).unwrap();
    assert_eq!(transcript.entries().len(), 3);
    for format in Format::ALL {
        let mut text = Vec::new();
        library.export_transcript(id, format, &mut text).unwrap();
        let read = glasslink_transcript::import(format, &mut text.as_slice()).unwrap();
        let gaps: Vec<_> = read.entries().iter().filter(|entry| matches!(entry, Entry::Gap(_))).collect();
        assert_eq!((gaps.len(), gaps[0].start(), gaps[0].end()), (1, ms(4_000), ms(6_000)), "{format}");
        assert_eq!(read.text(), "The tide is out And the moon is up", "{format}");
    }
}

#[test]
fn an_index_that_is_lost_or_damaged_is_made_again() {
    let (folder, library) = library();
    let id = ten_seconds(&library);
    library.set_title(id, "Tides").unwrap();
    library.change_words(id, &utterances(&library, id)[0], "The tide was out").unwrap();
    let before = (library.recordings().unwrap(), library.passages(id).unwrap());
    drop(library);
    let root = folder.path().join("recordings");
    let index = root.join("index.sqlite");
    for damage in [None, Some(vec![7; 10_000]), Some(b"SQLite format 3\0 and then nothing".to_vec())] {
        for name in ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm"] {
            let _ = fs::remove_file(root.join(name));
        }
        if let Some(bytes) = damage {
            fs::write(&index, bytes).unwrap();
        }
        let library = Library::open(&root).unwrap();
        assert_eq!((library.recordings().unwrap(), library.passages(id).unwrap()), before);
        assert_eq!(library.search("tide was", None, 0, 10).unwrap().total, 1);
        assert!(library.check_index().unwrap().is_empty());
    }
}

#[test]
fn an_index_of_a_newer_version_is_refused_with_a_sentence() {
    let (folder, library) = library();
    drop(library);
    let index = folder.path().join("recordings/index.sqlite");
    rusqlite::Connection::open(&index).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Library::open(folder.path().join("recordings")).unwrap_err().to_string();
    assert!(error.contains("version 99") && error.ends_with("update it"), "{error}");
}

#[test]
fn search_finds_words_notes_markers_and_titles_in_all_recordings() {
    let (_folder, library) = library();
    let (first, second) = (ten_seconds(&library), ten_seconds(&library));
    library.set_title(second, "Of moon and tide").unwrap();
    library.add_note(first, None, "Ask about the MÖÖN").unwrap();
    library.add_note(second, Some(ms(5_000)), "tidal").unwrap();

    let found = library.search("moon", None, 0, 10).unwrap();
    assert_eq!(found.total, 4);
    let speech = found.hits.iter().find(|hit| hit.kind == HitKind::Speech).unwrap();
    assert_eq!((speech.at, speech.stream_at, speech.stream), (ms(7_000), Some(ms(7_000)), Some(STREAM)));
    assert_eq!(&speech.text[speech.matches[0].clone()], "moon");
    assert!(found.hits.iter().any(|hit| hit.kind == HitKind::Note && hit.text.ends_with("MÖÖN")));
    assert!(found.hits.iter().any(|hit| hit.kind == HitKind::Title && hit.recording == second));

    // The beginning of a word, words in any order, words one behind the other.
    assert_eq!(library.search("tid", None, 0, 10).unwrap().total, 4);
    assert_eq!(library.search("tid ", None, 0, 10).unwrap().total, 0);
    assert_eq!(library.search("out tide", None, 0, 10).unwrap().total, 2);
    assert_eq!(library.search("\"tide out\"", None, 0, 10).unwrap().total, 0);
    assert_eq!(library.search("important", Some(first), 0, 10).unwrap().hits[0].kind, HitKind::Marker);
    for odd in ["", " ", "\"", "AND", "NEAR(", "*", "a:b", "'; DROP TABLE passages", "(((", "-"] {
        library.search(odd, None, 0, 10).unwrap();
    }

    // n of m.
    let page = library.search("moon", None, 3, 2).unwrap();
    assert_eq!((page.total, page.hits.len(), page.hits[0].number), (4, 1, 4));
    assert_eq!(page.hits[0], found.hits[3]);

    library.delete(second).unwrap();
    assert!(library.search("moon", None, 0, 10).unwrap().hits.iter().all(|hit| hit.recording == first));
}

#[test]
fn edits_can_be_undone_and_the_original_words_are_never_lost() {
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    let journal_before = journal_files(&library, id);
    let [tide, _] = utterances(&library, id).try_into().unwrap();
    library.change_words(id, &tide, "The tide is in").unwrap();
    let [edited, _] = utterances(&library, id).try_into().unwrap();
    assert_eq!(
        (edited.text.as_str(), edited.original.as_deref()),
        ("The tide is in", Some("The tide is out"))
    );
    library.change_words(id, &edited, "The tide is high").unwrap();
    let [again, _] = utterances(&library, id).try_into().unwrap();
    assert_eq!(again.original.as_deref(), Some("The tide is out"));
    assert_eq!(library.search("\"tide is high\"", None, 0, 1).unwrap().total, 1);

    library.name_speaker(id, STREAM, Some("Anna")).unwrap();
    library.name_speaker_of(id, &tide, Some("Ben")).unwrap();
    assert_eq!(library.transcript(id).unwrap().text(), "Ben: The tide is high Anna: And the moon is up");

    let undone: Vec<Change> = std::iter::from_fn(|| library.undo(id).unwrap()).collect();
    assert_eq!(undone.len(), 4);
    assert!(matches!(&undone[3], Change::Words { text, .. } if text == "The tide is in"));
    assert_eq!(texts(&library, id), ["The tide is out", "And the moon is up"]);
    let redone: Vec<Change> = std::iter::from_fn(|| library.redo(id).unwrap()).collect();
    assert_eq!(redone.len(), 4);
    assert_eq!(library.transcript(id).unwrap().text(), "Ben: The tide is high Anna: And the moon is up");
    assert_eq!(library.history(id).unwrap().iter().filter(|entry| !entry.undone).count(), 8);
    assert_eq!(journal_files(&library, id), journal_before, "the journal is never changed");
}

#[test]
fn notes_and_titles_come_change_and_go() {
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    let note = library.add_note(id, None, "ask again").unwrap();
    assert!(library.change_note(id, note, Some("ask Anna")).unwrap());
    assert_eq!(library.search("anna", None, 0, 1).unwrap().hits[0].kind, HitKind::Note);
    assert!(library.change_note(id, note, None).unwrap());
    assert!(!library.change_note(id, note, None).unwrap(), "it is gone");
    library.set_title(id, " Tides ").unwrap();
    assert_eq!(library.recording(id).unwrap().title, "Tides");
    library.set_title(id, "").unwrap();
    assert_eq!(library.recording(id).unwrap().title, "The tide is out");
}

#[test]
fn a_recording_in_progress_is_listed_and_whole_once_it_ended() {
    let (_folder, library) = library();
    let mut making = Making::begin(&library);
    making.open(STREAM, "Microphone", None);
    making.append(STREAM, 0, &frames(tone(2, 300.0)));
    library.refresh().unwrap();
    let id = making.id;
    assert_eq!(library.recording(id).unwrap().state, RecordingState::InUse);
    assert!(matches!(library.audio(id), Err(LibraryError::InUse(_))));
    assert!(matches!(library.delete(id), Err(LibraryError::InUse(_))));
    library.set_title(id, "Now").unwrap();
    assert_eq!(library.recording(id).unwrap().title, "Now");
    making.said(STREAM, 10, 100, "hello there");
    making.transcribed(STREAM, 100);
    making.end(&[(STREAM, 200)]);
    assert_eq!(library.refresh().unwrap().changed, 1);
    let summary = library.recording(id).unwrap();
    assert_eq!((summary.state, summary.title.as_str()), (RecordingState::Ended, "Now"));
    assert_eq!((summary.duration, summary.untranscribed), (ms(2_000), ms(1_000)));
    assert_eq!(library.refresh().unwrap().changed, 0, "nothing is read twice");
}

#[test]
fn sources_lie_on_one_timeline() {
    let (_folder, library) = library();
    let mut making = Making::begin(&library);
    let now = Instant::now();
    making.open(STREAM, "Microphone", None);
    making.open(StreamId(2), "System", None);
    making.open(StreamId(3), "Microphone", Some(STREAM));
    making.clock(STREAM, 0, now);
    making.clock(StreamId(2), 0, now + ms(1_500));
    let frames = frames(tone(2, 440.0));
    for stream in [STREAM, StreamId(2), StreamId(3)] {
        making.append(stream, 0, &frames);
        making.said(stream, 0, 50, &format!("source {stream}"));
        making.transcribed(stream, 200);
    }
    let id = making.end(&[(STREAM, 200), (StreamId(2), 200), (StreamId(3), 200)]);
    library.refresh().unwrap();
    let at: Vec<_> = utterances(&library, id).iter().map(|said| (said.stream.0, said.from)).collect();
    assert_eq!(at, [(1, ms(0)), (2, ms(1_500)), (3, ms(2_000))]);
    assert_eq!(library.recording(id).unwrap().duration, ms(4_000));
    let hit = &library.search("\"source 2\"", None, 0, 1).unwrap().hits[0];
    assert_eq!((hit.at, hit.stream_at), (ms(1_500), Some(ms(0))));
}

#[test]
fn what_cannot_be_read_is_listed_and_left_alone() {
    let (folder, library) = library();
    let id = ten_seconds(&library);
    let segment = folder.path().join("recordings").join(id.to_string()).join("00000000.glj");
    let mut bytes = fs::read(&segment).unwrap();
    // A version of the format that does not exist yet, with the right checksum.
    bytes[8] = 9;
    let crc = crc32(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    bytes.push(0);
    fs::write(&segment, &bytes).unwrap();
    library.refresh().unwrap();
    let summary = library.recording(id).unwrap();
    assert_eq!(summary.state, RecordingState::Unreadable);
    assert!(summary.problems[0].contains("format 9"), "{:?}", summary.problems);
    assert_eq!(fs::read(&segment).unwrap(), bytes);
}

fn journal_files(library: &Library, id: SessionId) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(library.root().join(id.to_string())).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "glj"))
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| {
                if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 }
            },
        )
    })
}

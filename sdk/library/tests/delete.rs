//! Deleting, with a way back and without; and rules that do it.

mod common;

use std::fs;
use std::path::Path;

use common::{STREAM, frames, library, ten_seconds, texts, tone, utterances};
use glasslink_library::{Keep, Library, LibraryError, Retention};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[test]
fn what_is_in_the_trash_comes_back_whole() {
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    library.set_title(id, "Tides").unwrap();
    let before = library.recording(id).unwrap();
    library.delete(id).unwrap();
    assert!(library.recordings().unwrap().is_empty());
    assert!(library.trash().unwrap()[0].trashed_ms.is_some());
    assert_eq!(library.search("tide", None, 0, 10).unwrap().total, 0);
    assert_eq!(library.undo(id).unwrap().map(|_| ()), Some(()), "undoing is for edits");
    library.redo(id).unwrap();
    assert!(library.undelete(id).unwrap());
    assert!(!library.undelete(id).unwrap());
    let after = library.recording(id).unwrap();
    assert_eq!((&after.title, after.duration, after.trashed_ms), (&before.title, before.duration, None));
    assert_eq!(texts(&library, id).len(), 2);
}

#[test]
fn deleted_for_good_leaves_nothing_on_the_disk() {
    let (folder, library) = library();
    let (id, other) = (ten_seconds(&library), ten_seconds(&library));
    library.set_title(id, "Xylophones").unwrap();
    library.add_note(id, None, "quixotically annotated").unwrap();
    library.change_words(id, &utterances(&library, id)[0], "zugzwang everywhere").unwrap();
    library.name_speaker(id, STREAM, Some("Wilhelmina")).unwrap();
    // Other writing in between, so that its words are spread over the index.
    for round in 0..30 {
        library.set_title(other, &format!("Other {round}")).unwrap();
    }
    let audio = frames(tone(10, 440.0))[700].clone();
    let words: [&[u8]; 5] = [b"Xylophones", b"quixotically", b"zugzwang", b"Wilhelmina", b"everywhere"];
    for word in words {
        assert!(is_on_disk(folder.path(), word), "{}", String::from_utf8_lossy(word));
    }
    // The index has words in small letters, without beginnings that the word before shares.
    assert!(is_on_disk(folder.path(), b"ylophones") && is_on_disk(folder.path(), b"uixotically"));
    assert!(is_on_disk(folder.path(), &audio));

    library.delete_for_good(id).unwrap();
    // The other one has the same audio and words, so it goes too before the rest is looked for.
    assert_eq!(library.recordings().unwrap().len(), 1);
    library.delete_for_good(other).unwrap();
    for word in words {
        assert!(!is_on_disk(folder.path(), word), "{}", String::from_utf8_lossy(word));
        assert!(!is_on_disk(folder.path(), &word[1..]));
    }
    assert!(!is_on_disk(folder.path(), b"tide") && !is_on_disk(folder.path(), b"moon"));
    assert!(!is_on_disk(folder.path(), &audio));
    assert!(!is_on_disk(folder.path(), id.to_string().as_bytes()));
    assert!(!folder.path().join("recordings").join(id.to_string()).exists());
    assert!(matches!(library.undelete(id), Err(LibraryError::Unknown(_))));
}

#[test]
fn a_deletion_that_was_cut_short_is_finished_by_the_next_start() {
    let (folder, library) = library();
    let id = ten_seconds(&library);
    library.set_title(id, "Xylophones").unwrap();
    drop(library);
    let root = folder.path().join("recordings");
    let dir = root.join(id.to_string());
    // Killed after the first file of many.
    fs::write(dir.join("deleting"), "").unwrap();
    fs::remove_file(dir.join("00000000.glj")).unwrap();
    let library = Library::open(&root).unwrap();
    assert!(!dir.exists() && library.recordings().unwrap().is_empty());
    assert!(!is_on_disk(folder.path(), b"Xylophones") && !is_on_disk(folder.path(), b"xylophones"));
}

#[test]
fn what_is_played_is_not_deleted_under_the_player() {
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    let mut audio = library.audio(id).unwrap();
    assert!(matches!(library.delete_for_good(id), Err(LibraryError::InUse(_))));
    let mut samples = Vec::new();
    while audio.read(&mut samples).unwrap() {}
    assert_eq!(samples.len(), 160_000);
    drop(audio);
    library.delete_for_good(id).unwrap();
}

#[test]
fn retention_rules_trash_what_is_old_and_then_delete_it() {
    let (_folder, library) = library();
    let ids = [ten_seconds(&library), ten_seconds(&library), ten_seconds(&library)];
    let begun = |id| library.recording(id).unwrap().begun_ms.unwrap();
    let now = begun(ids[2]);
    library.protect(ids[0], true).unwrap();

    assert_eq!(library.apply_retention(&Retention::default(), now + 1_000 * DAY_MS).unwrap(), (0, 0));
    let newest = Retention { keep: Keep::Newest(1), trash_days: Some(7) };
    assert_eq!(library.apply_retention(&newest, now).unwrap(), (1, 0), "one is protected");
    assert_eq!(library.recordings().unwrap().len(), 2);
    let in_trash = library.trash().unwrap()[0].trashed_ms.unwrap();
    assert_eq!(library.apply_retention(&newest, in_trash + 7 * DAY_MS).unwrap(), (0, 0));
    assert_eq!(library.apply_retention(&newest, in_trash + 7 * DAY_MS + 1).unwrap(), (0, 1));
    assert!(library.trash().unwrap().is_empty());

    let days = Retention { keep: Keep::Days(30), trash_days: None };
    assert_eq!(library.apply_retention(&days, now + 30 * DAY_MS).unwrap().0, 0);
    assert_eq!(library.apply_retention(&days, now + 31 * DAY_MS).unwrap(), (1, 0));
    assert_eq!(library.recordings().unwrap()[0].id, ids[0]);

    assert_eq!(library.retention().unwrap(), Retention::default());
    library.set_retention(&days).unwrap();
    assert_eq!(library.retention().unwrap(), days);
    fs::write(library.root().join("retention.json"), "{").unwrap();
    assert!(library.tidy().is_err(), "nothing is deleted by rules that cannot be read");
}

fn is_on_disk(dir: &Path, wanted: &[u8]) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let named =
            path.file_name().unwrap().as_encoded_bytes().windows(wanted.len()).any(|part| part == wanted);
        named
            || if path.is_dir() {
                is_on_disk(&path, wanted)
            } else {
                fs::read(&path).unwrap().windows(wanted.len()).any(|part| part == wanted)
            }
    })
}

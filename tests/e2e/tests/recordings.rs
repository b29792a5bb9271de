//! `record` as a process: what was heard is there and is transcribed the same, however it ended.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use glasslink_e2e::{Finished, LIMIT, record_program, run, speech};
use serde_json::Value;

/// A busy machine starts a program, and records a second of audio, in this time.
const PATIENCE: Duration = Duration::from_mins(1);

/// LC3 of 16 kbit/s, each frame a record of its own: what a second takes on the disk without the full quality.
const BYTES_A_SECOND: u64 = 100 * (20 + 32);

struct Library {
    folder: tempfile::TempDir,
}

impl Library {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(record_program());
        command.args(arguments).arg("--json").arg("--library").arg(self.folder.path());
        command.env_remove("GLASSLINK_RELAY").env_remove("GLASSLINK_LIBRARY");
        command
    }

    fn finished(&self, arguments: &[&str]) -> Finished {
        run(&mut self.command(arguments), LIMIT)
    }

    /// Runs it to a good end, and reads what it says.
    fn json(&self, arguments: &[&str]) -> Value {
        let finished = self.finished(arguments);
        assert_eq!(finished.code, Some(0), "{arguments:?}: {}{}", finished.stdout, finished.stderr);
        parse(&finished)
    }

    /// Starts it, and waits until so much was recorded.
    fn start(&self, arguments: &[&str], recorded: Duration) -> Child {
        let mut command = self.command(arguments);
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + PATIENCE;
        let wanted = BYTES_A_SECOND * recorded.as_millis() as u64 / 1000;
        while recorded_bytes(self.folder.path()) < wanted {
            assert!(Instant::now() < until, "nothing is recorded");
            thread::sleep(Duration::from_millis(20));
        }
        child
    }

    fn summary(&self, id: &str) -> Value {
        let list = self.json(&["list"]);
        let recordings = list["recordings"].as_array().unwrap();
        recordings.iter().find(|summary| summary["id"] == id).unwrap().clone()
    }
}

#[test]
fn live_from_the_journal_and_after_recovery_the_same_is_heard() {
    let Some([_, clip]) = speech() else { return };
    let path = clip.path.to_str().unwrap();
    let library = Library::new();

    let live = library.json(&["--from", path, "--speed", "2", "--small", "--finish-timeout", "180"]);
    let whole = speech_of(&library.json(&["show", "last"]));
    assert!(whole.len() >= 5, "{whole:?}");
    assert_eq!(live["untranscribed_ms"], 0);

    let id = live["id"].as_str().unwrap();
    library.json(&["transcribe", id]);
    assert_eq!(speech_of(&library.json(&["show", id])), whole, "from the journal");

    let silent = library.json(&["--from", path, "--speed", "max", "--no-relay", "--small"]);
    assert_eq!(silent["untranscribed_ms"], silent["duration_ms"]);
    let id = silent["id"].as_str().unwrap();
    library.json(&["transcribe", id]);
    assert_eq!(speech_of(&library.json(&["show", id])), whole, "recorded without a relay, from the journal");

    let before: Vec<Value> = library.json(&["list"])["recordings"].as_array().unwrap().clone();
    let mut child = library.start(
        &["--from", path, "--speed", "1", "--small"],
        // On top of what the others have.
        recorded_time(&library) + Duration::from_secs(6),
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let list = library.json(&["list"]);
    let known = |summary: &&Value| before.iter().all(|before| before["id"] != summary["id"]);
    let killed = list["recordings"].as_array().unwrap().iter().find(known).unwrap().clone();
    assert_eq!(killed["state"], "interrupted");
    let recorded = killed["duration_ms"].as_u64().unwrap();
    assert!((5_000..10_000).contains(&recorded), "{recorded} ms");
    let recovered = library.json(&["recover"]);
    assert!(recovered["recovered"].as_array().unwrap().iter().any(|summary| summary["id"] == killed["id"]));

    let id = killed["id"].as_str().unwrap();
    let after = library.json(&["show", id]);
    assert_eq!((&after["state"], &after["untranscribed_ms"]), (&"ended".into(), &0.into()));
    let recovered = speech_of(&after);
    // What the kill cut through may be heard otherwise; what lies a second before it may not.
    let before_the_cut = |said: &&(u64, u64, String)| said.1 + 1_000 < recorded;
    let sure: Vec<_> = recovered.iter().filter(before_the_cut).cloned().collect();
    assert!(sure.len() >= 3, "{recovered:?}");
    assert_eq!(sure, whole[..sure.len()], "after recovery");
    library.json(&["transcribe", id]);
    assert_eq!(speech_of(&library.json(&["show", id])), recovered, "from the journal of the recovered one");
    assert_eq!(library.json(&["recover"])["recovered"], Value::Array(vec![]), "nothing is left to do");
}

#[test]
fn a_recording_goes_on_without_its_relay() {
    let library = Library::new();
    let path = tone(library.folder.path(), 3);
    // A port that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let relay = format!("http://127.0.0.1:{port}");
    let arguments = ["--from", &path, "--speed", "4", "--relay", &relay, "--finish-timeout", "2"];
    let finished = library.finished(&arguments);
    assert_eq!(finished.code, Some(1), "not all of it: there is no transcript");
    let summary = parse(&finished);
    assert_eq!((&summary["state"], &summary["duration_ms"]), (&"ended".into(), &3_000.into()));
    assert!(finished.stderr.contains("no captions until the relay is back"), "{}", finished.stderr);
    assert!(finished.stderr.contains("record recover"), "{}", finished.stderr);
}

#[test]
fn a_killed_recording_is_found_and_made_whole() {
    let library = Library::new();
    let path = tone(library.folder.path(), 60);
    let mut child = library.start(&["--from", &path, "--no-relay", "--small"], Duration::from_secs(1));
    child.kill().unwrap();
    child.wait().unwrap();
    let list = library.json(&["list"]);
    let killed = &list["recordings"][0];
    assert_eq!(killed["state"], "interrupted");
    assert!(killed["duration_ms"].as_u64().unwrap() >= 900, "{killed}");
    let recovered = library.json(&["recover", "--no-relay"]);
    assert_eq!(recovered["recovered"][0]["state"], "ended");
    assert_eq!(recovered["recovered"][0]["duration_ms"], killed["duration_ms"]);
    let wav = library.folder.path().join("out.wav");
    library.json(&["export", "last", wav.to_str().unwrap()]);
    let bytes = std::fs::metadata(&wav).unwrap().len();
    assert_eq!(bytes, 44 + killed["duration_ms"].as_u64().unwrap() * 32);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_recording_as_it_should_end() {
    let library = Library::new();
    let path = tone(library.folder.path(), 60);
    let child = library.start(&["--from", &path, "--no-relay", "--small"], Duration::from_secs(1));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["state"], "ended");
    let id = summary["id"].as_str().unwrap();
    assert_eq!(library.summary(id)["duration_ms"], summary["duration_ms"]);
    assert!(summary["folder"].as_str().unwrap().ends_with(id), "it says where it is");
}

#[test]
fn what_is_deleted_comes_back_and_what_is_wrong_is_said() {
    let library = Library::new();
    let path = tone(library.folder.path(), 1);
    library.json(&["import", &path, "--small"]);
    library.json(&["note", "last", "the door", "--at", "0:00.5"]);
    assert_eq!(library.json(&["search", "door"])["total"], 1);
    assert_eq!(library.finished(&["search", "window"]).code, Some(1));
    library.json(&["delete", "last"]);
    assert_eq!(library.json(&["list", "--trash"])["recordings"].as_array().unwrap().len(), 1);
    library.json(&["undelete", "tone"]);
    library.json(&["doctor"]);
    for (arguments, word) in [
        (&["--from", "no-such.wav"][..], "no-such.wav"),
        (&["show", "nothing"], "record list"),
        (&["export", "last", "a.doc"], ".srt"),
        (&["play", "last", "--at", "1:00"], "it lasts"),
        (&["transcribe", "last", "--from", "1:00"], "it lasts"),
    ] {
        let finished = library.finished(arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}");
        assert!(finished.stderr.contains(word), "{arguments:?}: {}", finished.stderr);
    }
    library.json(&["delete", "--for-good", "last"]);
    assert!(library.json(&["list"])["recordings"].as_array().unwrap().is_empty());
}

fn parse(finished: &Finished) -> Value {
    let last = finished.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
    last.unwrap_or_else(|| panic!("no object at the end of {}\n{}", finished.stdout, finished.stderr))
}

/// From, to and text of what was said.
fn speech_of(shown: &Value) -> Vec<(u64, u64, String)> {
    let passages = shown["passages"].as_array().unwrap().iter();
    passages
        .filter(|passage| passage["kind"] == "speech")
        .map(|said| {
            let number = |name: &str| said[name].as_u64().unwrap();
            (number("from_ms"), number("to_ms"), said["text"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// How much there is already, as [`Library::start`] counts.
fn recorded_time(library: &Library) -> Duration {
    Duration::from_millis(recorded_bytes(library.folder.path()) * 1000 / BYTES_A_SECOND)
}

/// Bytes of the frames of all recordings.
fn recorded_bytes(root: &Path) -> u64 {
    let Ok(dirs) = std::fs::read_dir(root) else { return 0 };
    let files = dirs.flatten().filter_map(|dir| std::fs::read_dir(dir.path()).ok()).flatten().flatten();
    let segments = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "glj"));
    segments.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// A WAV file of a tone, as long as is wanted.
fn tone(folder: &Path, seconds: u32) -> String {
    let path = folder.join("tone.wav");
    let mut bytes =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data".to_vec();
    let data = seconds * 32_000;
    bytes[4..8].copy_from_slice(&(data + 36).to_le_bytes());
    bytes.extend(data.to_le_bytes());
    let sample = |n: u32| ((f64::from(n) * 0.17).sin() * 8_000.0) as i16;
    bytes.extend((0..seconds * 16_000).flat_map(|n| sample(n).to_le_bytes()));
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

//! When it goes wrong, the program says what and what to do, in one sentence, and ends with code 2.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use glasslink_e2e::{Certificate, Finished, RelayProcess, relay_program, replay_program, run};

const SOON: Duration = Duration::from_mins(1);

/// Runs `replay`, which has to end with code 2 and one line that says all of `sentence`.
#[track_caller]
fn refused(arguments: &[&str], sentence: &[&str]) {
    let finished = run(Command::new(replay_program()).args(arguments), SOON);
    said(&finished, sentence);
}

#[track_caller]
fn said(finished: &Finished, sentence: &[&str]) {
    let Finished { code, stderr, .. } = finished;
    assert_eq!(*code, Some(2), "{stderr}");
    let said = |line: &str| sentence.iter().all(|part| line.contains(part));
    assert!(stderr.lines().any(said), "{sentence:?} is not in a line of {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// A file that is not what `replay` wants, and its path.
fn file(folder: &Path, name: &str, contents: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, contents).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A second of silence as a WAV file.
fn silence() -> Vec<u8> {
    let samples = 16_000_u32;
    let mut wav = Vec::from(*b"RIFF");
    wav.extend((36 + samples * 2).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend(32_000_u32.to_le_bytes());
    wav.extend(b"\x02\0\x10\0data");
    wav.extend((samples * 2).to_le_bytes());
    wav.resize(44 + samples as usize * 2, 0);
    wav
}

#[test]
fn files_that_cannot_be_played() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.wav");
    refused(&[missing.to_str().unwrap()], &["missing.wav"]);
    refused(&[folder.path().to_str().unwrap()], &[folder.path().to_str().unwrap()]);
    refused(&[&file(folder.path(), "empty.wav", b"")], &["empty.wav"]);
    refused(&[&file(folder.path(), "letter.mp3", &b"Dear Sir or Madam, ".repeat(400))], &["letter.mp3"]);
    refused(&[&file(folder.path(), "cut.wav", &silence()[..30])], &["cut.wav"]);
}

#[test]
fn addresses_where_no_relay_answers() {
    let folder = tempfile::tempdir().unwrap();
    let wav = file(folder.path(), "silence.wav", &silence());
    let at = |address: &str, sentence: &[&str]| {
        refused(&[&wav, "--relay", address, "--connect-timeout", "3"], sentence);
    };
    at("http://relay.invalid", &["relay.invalid", "name"]);
    at("relay.example", &["relay.example"]);

    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    at(&format!("http://127.0.0.1:{port}"), &["127.0.0.1", "glasslink-relay serve"]);

    let server = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello");
    at(&server, &["HTTP status 200", "relay"]);
    let other = answering("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
    at(&other, &["version", "Update"]);

    // TLS where there is none, and none where there is TLS.
    at(&server.replace("http:", "https:"), &["TLS", "http://"]);
    let certificate = Certificate::new();
    let relay = RelayProcess::start(Some(&certificate), Some(folder.path()));
    at(relay.address(), &["certificate"]);
}

#[test]
fn a_relay_whose_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let finished = run(Command::new(relay_program()).args(["serve", "--listen", &address]), SOON);
    said(&finished, &[&address]);
}

#[test]
fn a_relay_for_everybody_without_a_token() {
    let finished = run(Command::new(relay_program()).args(["serve", "--listen", "0.0.0.0:0"]), SOON);
    said(&finished, &["token"]);
}

#[test]
fn a_transcript_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let wav = file(folder.path(), "silence.wav", &silence());
    let nowhere = folder.path().join("no such folder/transcript.srt");
    let nowhere = nowhere.to_str().unwrap();
    refused(&[&wav, "--export", "srt", "--output", nowhere], &["transcript.srt", "written"]);
    if cfg!(target_os = "linux") {
        let full = ["--export", "json", "--output", "/dev/full", "--speed", "8"];
        refused(&[&[wav.as_str()], &full[..]].concat(), &["/dev/full", "disk"]);
    }
}

#[test]
fn a_model_that_is_missing_or_damaged_is_told_and_the_audio_kept() {
    let folder = tempfile::tempdir().unwrap();
    let wav = file(folder.path(), "silence.wav", &silence());
    let play = |relay: &RelayProcess| {
        let finished = run(
            Command::new(replay_program()).args([&wav, "--speed", "8", "--relay", relay.address(), "--json"]),
            SOON,
        );
        let report: serde_json::Value =
            serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&report["captured"], &report["acknowledged"]),
            (&100.into(), &100.into()),
            "{finished:?}"
        );
        finished.stderr
    };
    let missing = play(&RelayProcess::start(None, Some(folder.path())));
    assert!(missing.contains("not installed") && missing.contains("model install"), "{missing}");

    let damaged = tempfile::tempdir().unwrap();
    for name in ["encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin", "libonnxruntime.so"] {
        fs::write(damaged.path().join(name), b"not what was published").unwrap();
    }
    let damaged = play(&RelayProcess::start(None, Some(damaged.path())));
    assert!(damaged.contains("model install"), "{damaged}");
}

/// A server that gives every request the same answer, and its address.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut request = [0; 4096];
            // Clients of every kind come by; whoever does not ask is not answered.
            if connection.read(&mut request).is_ok() {
                let _ = connection.write_all(answer.as_bytes());
            }
        }
    });
    address
}

//! What the environment says of proxies counts.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use glasslink_e2e::{replay_program, run};

const SOON: Duration = Duration::from_mins(1);

/// A proxy that lets nobody through, and what it was asked: a request line and, if there is one, the credentials.
fn proxy() -> (String, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, asks) = channel();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let lines = BufReader::new(&client).lines().map_while(Result::ok);
            let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            let _ = (&client).write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
            let _ = asked.send(head);
        }
    });
    (address.to_string(), asks)
}

/// Half a second of silence, as WAV.
fn silence() -> Vec<u8> {
    let samples = vec![0; 16_000];
    let mut wav =
        b"RIFF\xA4\x3E\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3E\0\0\0\x7D\0\0\x02\0\x10\0data\x80\x3E\0\0"
            .to_vec();
    wav.extend_from_slice(&samples);
    wav
}

// SPEC P18.1 P18.2
#[test]
fn the_environments_proxy_is_asked_and_what_it_refuses_is_told_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("silence.wav");
    fs::write(&wav, silence()).unwrap();
    let (address, asked) = proxy();
    let play = |relay: &str, environment: &[(&str, &str)]| {
        let mut replay = Command::new(replay_program());
        replay.arg(&wav).args(["--relay", relay, "--connect-timeout", "2"]);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
            replay.env_remove(name).env_remove(name.to_lowercase());
        }
        run(replay.envs(environment.iter().copied()), SOON)
    };
    let url = format!("http://me:secret@{address}");
    for (relay, name) in [
        ("http://relay.invalid", "HTTP_PROXY"),
        ("https://relay.invalid", "https_proxy"),
        ("https://relay.invalid", "ALL_PROXY"),
    ] {
        let finished = play(relay, &[(name, &url)]);
        assert_eq!(finished.code, Some(2), "{}", finished.stderr);
        assert!(finished.stderr.contains("proxy's address and credentials"), "{name}: {}", finished.stderr);
        assert!(!finished.stderr.contains("secret"), "{}", finished.stderr);
        let port = if relay.starts_with("https") { 443 } else { 80 };
        let heads: Vec<_> = asked.try_iter().collect();
        assert!(!heads.is_empty(), "{name}");
        for head in heads {
            assert_eq!(head[0], format!("CONNECT relay.invalid:{port} HTTP/1.1"));
            assert!(head.contains(&"Proxy-Authorization: Basic bWU6c2VjcmV0".to_owned()), "{head:?}");
        }
    }
    let excepted = play("http://relay.invalid", &[("HTTP_PROXY", &url), ("no_proxy", "relay.invalid")]);
    assert!(excepted.stderr.contains("does not resolve"), "{}", excepted.stderr);
    // A port of this machine that was free a moment ago.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let here = play(&format!("http://{nobody}"), &[("HTTP_PROXY", &url)]);
    assert!(here.stderr.contains("glasslink-relay serve"), "{}", here.stderr);
    assert_eq!(asked.try_iter().count(), 0);
}

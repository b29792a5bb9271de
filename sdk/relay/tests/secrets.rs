//! What no log line may hold. Everything that logs through `tracing`, in this process and at the finest level, is
//! captured while devices pair, talk, guess and are revoked; then the secrets and the words are searched for.

mod support;

use std::sync::Arc;

use glasslink_protocol::pairing::{ConfirmRequest, ExchangeResponse, KeyExchange, Side};
use glasslink_protocol::{ClientMessage, FrameIndex, RelayMessage, StreamId, TranscriptEvent};
use glasslink_relay::Relay;
use serde_json::json;
use support::captured::Captured;
use support::engine::FakeEngine;
use support::hostile::{audited, paired, text, token};
use support::http::send;
use support::{Client, hello, request, stream};
use tracing_subscriber::EnvFilter;

/// Pairs by the typed code, as a client would: the device's key.
async fn pair_by_code(relay: &glasslink_relay::RelayHandle, code: &str) -> String {
    let ours = KeyExchange::begin(Side::Device, &code.parse().unwrap());
    let body = json!({ "message": ours.message() }).to_string();
    let answer = send(relay.local_addr(), "POST", "/v1/pair/code", "", &body).await;
    let ExchangeResponse { exchange, message } = serde_json::from_slice(&answer.body).unwrap();
    let confirmation = ours.finish(&message).unwrap().confirmation(Side::Device, None).into_text();
    let request = ConfirmRequest {
        exchange,
        certificate: None,
        confirmation,
        name: "laptop".into(),
        client: "test".into(),
    };
    let body = serde_json::to_string(&request).unwrap();
    let answer = send(relay.local_addr(), "POST", "/v1/pair/confirm", "", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.json()["key"])
}

// SPEC P15.2
#[tokio::test]
async fn no_log_line_has_a_secret_or_a_word_of_speech_in_it() {
    let captured = Captured::default();
    // The WebSocket library shows messages in its lines of level `trace`; the program's filter never turns those on.
    let filter = EnvFilter::new("trace,tungstenite=debug,tokio_tungstenite=debug");
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    log.with_writer(captured.clone()).init();

    let data = tempfile::tempdir().unwrap();
    let engine = Arc::new(FakeEngine::default());
    let relay =
        Relay::builder().data(data.path()).token("correct-horse").engine(engine).start().await.unwrap();
    let mut secrets = vec!["correct-horse".to_owned(), "battery-staple".to_owned()];
    let (device, key) = paired(&relay).await;
    let offer = relay.keys().offer_code(None).unwrap();
    let laptop = pair_by_code(&relay, &offer.code.to_string()).await;
    let qr = relay.keys().offer_qr(None).unwrap();
    let qr_secret = text(&serde_json::to_value(&qr.offer.secret).unwrap());
    let app = relay.keys().add_app("captions", true).unwrap();
    let token_of_device = token(&relay, &key).await;
    secrets.extend([offer.code.to_string(), offer.code.to_string().replace('-', ""), qr_secret]);
    secrets.extend([key, laptop, app.key.clone(), token_of_device.clone()]);

    let mut client = Client::connect(request(&relay.url(), Some(&token_of_device))).await.unwrap();
    client.greet(hello(0xFEED_FACE_CAFE_F00D_0123_4567_89AB_CDEF)).await;
    secrets.push("feedfacecafef00d0123456789abcdef".to_owned());
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 200).await;
    client.say(&ClientMessage::End { stream: StreamId(1), at: FrameIndex(200) }).await;
    let said = client
        .until_all(|message| matches!(message, RelayMessage::Transcribed { to, .. } if to.0 == 200))
        .await;
    let mut words = Vec::new();
    for message in said {
        if let RelayMessage::Transcript { event: TranscriptEvent::Final(spoken), .. } = message {
            words.push(spoken.text.clone());
            let spoken = spoken.words.into_iter().map(|word| word.text);
            words.extend(spoken.filter(|word| word.chars().all(char::is_alphabetic)));
        }
    }
    assert!(!words.is_empty(), "nothing was said");
    for wrong in [Some("battery-staple"), None] {
        assert!(Client::connect(request(&relay.url(), wrong)).await.is_err());
    }
    let mut other = Client::connect(request(&relay.url(), Some(&app.key))).await.unwrap();
    other.say_hello(hello(0xFEED_FACE_CAFE_F00D_0123_4567_89AB_CDEF)).await;
    other.until_closed().await;
    relay.keys().revoke_device(&device).unwrap();
    client.until_closed().await;
    relay.keys().lockdown().unwrap();
    audited(&relay.keys(), "unauthorized").await;
    let audit = relay.keys().audit().unwrap();
    // Nor has the database, but for what it is for; also while it is open.
    let files = std::fs::read_dir(data.path()).unwrap().filter_map(Result::ok);
    for file in files.filter(|file| file.file_name().to_string_lossy().starts_with("identity.db")) {
        let bytes = std::fs::read(file.path()).unwrap();
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "a secret is in {}: {secret}", file.path().display());
        }
    }
    relay.shutdown().await;

    let log = captured.text();
    let audit: String = audit.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect();
    // What is searched for would be found: the log is there, and has what it should.
    assert!(log.contains("revoked") && log.contains("device_paired") && log.contains("session{id="), "{log}");
    for (name, text) in [("log", &log), ("audit log", &audit)] {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "a secret is in the {name}: {secret}");
        }
        for line in text.lines() {
            let spoken = words.iter().find(|word| {
                line.split(|c: char| !c.is_alphanumeric()).any(|part| part == word.as_str())
                    || (word.contains(' ') && line.contains(word.as_str()))
            });
            assert!(spoken.is_none(), "the {name} has a word of speech in it: {line}");
        }
    }
}

//! Omi's door, spoken to as Omi's apps do.

mod support;

use std::sync::Arc;

use glasslink_relay::{Relay, RelayHandle};
use serde_json::Value;
use support::deepgram::{Deepgram as Omi, listen, with};
use support::engine::FakeEngine;
use support::eventually;
use support::http::{ask, bearer};
use tokio_tungstenite::tungstenite::{Error, Message};

async fn relay() -> RelayHandle {
    Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap()
}

async fn connect(relay: &RelayHandle, query: &str) -> Omi {
    Omi::connect(listen(&relay.url(), &format!("/v4/listen?language=en&uid=x&{query}"))).await.unwrap()
}

/// The text that comes next: `ping`, or JSON.
async fn text(client: &mut Omi) -> Result<String, Option<(u16, String)>> {
    client.hear_text().await
}

/// What comes up to the first segment that has this text.
async fn until_said(client: &mut Omi, said: &str) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let text = text(client).await.unwrap_or_else(|end| panic!("closed: {end:?} after {heard:?}"));
        if text == "ping" {
            continue;
        }
        heard.push(serde_json::from_str::<Value>(&text).unwrap());
        let Some(Value::Array(segments)) = heard.last() else { continue };
        if segments.iter().any(|segment| segment["text"] == said) {
            return heard;
        }
    }
}

fn statuses(heard: &[Value]) -> Vec<&str> {
    heard.iter().filter_map(|one| one["status"].as_str()).collect()
}

fn segments(heard: &[Value]) -> Vec<&Value> {
    heard.iter().filter_map(Value::as_array).flatten().collect()
}

#[tokio::test]
async fn a_session_begins_with_its_statuses_and_a_ping_and_segments_are_updated_in_place() {
    let relay = relay().await;
    let mut client = connect(&relay, "codec=pcm16&sample_rate=16000").await;
    for _ in 0..20 {
        client.send(Message::binary(vec![0; 3_200])).await;
    }
    let mut first = Vec::new();
    while !first.contains(&"ping".to_owned()) {
        first.push(text(&mut client).await.unwrap());
    }
    let mut heard: Vec<Value> = first.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    if !segments(&heard).iter().any(|segment| segment["text"] == "second 1") {
        heard.extend(until_said(&mut client, "second 1").await);
    }
    assert_eq!(
        statuses(&heard),
        ["initiating", "in_progress_conversations_processing", "stt_initiating", "ready"]
    );
    let segments = segments(&heard);
    let settled = |text: &str| *segments.iter().find(|segment| segment["text"] == text).unwrap();
    let (first, second) = (settled("second 0"), settled("second 1"));
    assert_eq!((first["start"].as_f64(), first["end"].as_f64()), (Some(0.0), Some(1.0)));
    assert_eq!((first["speaker"].as_str(), first["is_user"].as_bool()), (Some("SPEAKER_00"), Some(false)));
    assert_ne!(first["id"], second["id"]);
    let earlier = segments.iter().find(|segment| segment["text"] == "sec").unwrap();
    assert!(earlier["id"] == first["id"] || earlier["id"] == second["id"], "{segments:?}");
}

#[tokio::test]
async fn every_codec_of_their_devices_is_heard() {
    let relay = relay().await;
    // A second and a bit of each.
    let opus = |config: u8| vec![config << 3, 0xff, 0xfe];
    for (query, message, count) in [
        ("codec=pcm8&sample_rate=8000", vec![128; 160], 51),
        ("codec=linear16&sample_rate=16000", vec![0; 640], 51),
        ("codec=opus&sample_rate=16000", opus(0), 101),
        ("codec=opus_fs320&sample_rate=16000", opus(1), 51),
        ("codec=lc3_fs1030&sample_rate=16000", vec![0x55; 30], 101),
    ] {
        let mut client = connect(&relay, query).await;
        for _ in 0..count {
            client.send(Message::binary(message.clone())).await;
            // Nothing, and what cannot be decoded: both cost nothing but themselves.
            client.send(Message::binary(vec![1, 2])).await;
        }
        let heard = until_said(&mut client, "second 0").await;
        assert!(segments(&heard).iter().all(|segment| segment["start"] == 0.0), "{query}: {heard:?}");
    }
}

#[tokio::test]
async fn channels_are_told_apart_by_their_first_byte() {
    let relay = relay().await;
    let mut client = connect(&relay, "codec=pcm16&sample_rate=16000&channels=2&source=phone_call").await;
    for _ in 0..10 {
        client.send(Message::binary([[1].as_slice(), &[0; 3_200]].concat())).await;
        client.send(Message::binary([[7].as_slice(), &[0; 3_200]].concat())).await;
    }
    let heard = until_said(&mut client, "second 0").await;
    assert!(segments(&heard).iter().all(|segment| segment["speaker"] == "SPEAKER_01"), "{heard:?}");
}

#[tokio::test]
async fn what_is_wrong_is_said_by_the_code_that_their_apps_know() {
    let relay =
        Relay::builder().engine(Arc::new(FakeEngine::default())).token("s3cret").start().await.unwrap();
    let request = |query: &str| listen(&relay.url(), &format!("/v4/listen?{query}"));
    for (token, detail) in
        [(None, "Authorization header not found"), (Some("Bearer x"), "Invalid authorization token")]
    {
        let request = match token {
            Some(token) => with(request(""), "authorization", token),
            None => request(""),
        };
        let Err(Error::Http(response)) = Omi::connect(request).await else { panic!("{detail}: let in") };
        let body: Value = serde_json::from_slice(response.body().as_deref().unwrap()).unwrap();
        assert_eq!((response.status().as_u16(), body["detail"].as_str()), (401, Some(detail)));
    }
    for query in ["codec=aac", "codec=lc3&sample_rate=16000", "sample_rate=1"] {
        let request = with(request(query), "authorization", "Bearer s3cret");
        let mut client = Omi::connect(request).await.unwrap();
        assert_eq!(client.rest().await.1.map(|end| end.0), Some(1_003), "{query}");
    }
    let without = Relay::builder().start().await.unwrap();
    let mut client = connect(&without, "codec=pcm16&sample_rate=16000").await;
    let mut heard = Vec::new();
    let end = loop {
        match text(&mut client).await {
            Ok(text) => heard.extend(serde_json::from_str::<Value>(&text).ok()),
            Err(end) => break end,
        }
    };
    assert_eq!((statuses(&heard).last(), end.map(|end| end.0)), (Some(&"stt_failed"), Some(1_011)));
}

#[tokio::test]
async fn a_device_that_is_revoked_is_told_to_log_in_again() {
    let data = tempfile::tempdir().unwrap();
    let builder = Relay::builder().engine(Arc::new(FakeEngine::default())).token("s3cret");
    let relay = builder.data(data.path()).start().await.unwrap();
    let key = relay.keys().add_app("omi", false).unwrap().key;
    let request = || with(listen(&relay.url(), "/v4/listen"), "authorization", &format!("Bearer {key}"));
    let mut client = eventually("the relay knows the key", async || Omi::connect(request()).await.ok()).await;
    client.send(Message::binary(vec![128; 800])).await;
    let listed = eventually("its session is listed", async || {
        let answer = ask(relay.local_addr(), "GET", "/v1/sessions", &bearer(&key)).await.json();
        (answer["sessions"].as_array().is_some_and(|sessions| sessions.len() == 1)).then_some(answer)
    })
    .await;
    assert_eq!(listed["sessions"][0]["client"].as_str().map(|client| client.starts_with("Omi")), Some(true));
    relay.keys().revoke_app("omi").unwrap();
    let end = loop {
        if let Err(end) = text(&mut client).await {
            break end;
        }
    };
    assert_eq!(end.map(|end| end.0), Some(4_004));
}

#[tokio::test]
async fn text_of_any_kind_is_passed_over() {
    let relay = relay().await;
    let mut client = connect(&relay, "codec=pcm16&sample_rate=16000").await;
    for text in ["", "{", "[]", r#"{"type":"image_chunk","id":"a","index":0,"total":1,"data":"x"}"#, "ping"] {
        client.send(Message::text(text)).await;
    }
    for _ in 0..10 {
        client.send(Message::binary(vec![0; 3_200])).await;
    }
    until_said(&mut client, "second 0").await;
}

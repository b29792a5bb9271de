//! What is transcribed when nobody waits any more: what engines did not get to, and what is asked for again.

mod support;

use std::sync::Arc;

use glasslink_protocol::{ClientMessage, FrameIndex, RelayMessage, StreamId};
use glasslink_relay::{Relay, RelayBuilder, RelayHandle};
use serde_json::{Value, json};
use support::engine::FakeEngine;
use support::http::{bearer, send};
use support::{Client, HelloFields, eventually, hello, request, stream};

const ID: StreamId = StreamId(1);

fn id(session: u128) -> String {
    format!("{session:032x}")
}

async fn ask(relay: &RelayHandle, method: &str, path: &str, body: &Value, token: &str) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = send(relay.local_addr(), method, path, &bearer(token), &body).await;
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

/// Asks until the job is as wanted.
async fn job(relay: &RelayHandle, number: u64, state: &str) -> Value {
    eventually(&format!("job {number} is {state}"), async || {
        let (status, job) = ask(relay, "GET", &format!("/v1/jobs/{number}"), &Value::Null, "t").await;
        (status == 200 && job["state"] == state).then_some(job)
    })
    .await
}

fn with(engine: &Arc<FakeEngine>, folder: &tempfile::TempDir) -> RelayBuilder {
    Relay::builder().token("t").engine(engine.clone()).data(folder.path())
}

async fn client(relay: &RelayHandle, fields: HelloFields) -> Client {
    let mut client = Client::connect(request(&relay.url(), Some("t"))).await.unwrap();
    client.greet(fields).await;
    client
}

/// A session of so many seconds that is over before an engine heard anything.
async fn unheard(relay: &RelayHandle, fields: HelloFields, seconds: u64) {
    let mut client = client(relay, fields).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    for second in 0..seconds {
        client.audio(1, 100 * second, 100).await;
    }
    client.say(&ClientMessage::End { stream: ID, at: FrameIndex(100 * seconds) }).await;
    let kept = |message: &RelayMessage| matches!(message, RelayMessage::Kept { next, .. } if next.0 == 100 * seconds);
    client.until(kept).await;
    client.say(&ClientMessage::Bye).await;
    client.until_closed().await;
}

/// A session that an engine heard.
async fn heard(relay: &RelayHandle, session: u128, seconds: u64) {
    let mut client = client(relay, hello(session)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    for second in 0..seconds {
        client.audio(1, 100 * second, 100).await;
    }
    client.say(&ClientMessage::End { stream: ID, at: FrameIndex(100 * seconds) }).await;
    let transcribed = |message: &RelayMessage| matches!(message, RelayMessage::Transcribed { to, .. } if to.0 == 100 * seconds);
    client.until(transcribed).await;
    client.say(&ClientMessage::Bye).await;
    client.until_closed().await;
}

fn down() -> Arc<FakeEngine> {
    let engine = FakeEngine::called("only");
    engine.uninstall();
    engine
}

#[tokio::test]
async fn a_session_that_ends_while_all_engines_are_down_is_caught_up_with() {
    let folder = tempfile::tempdir().unwrap();
    let engine = down();
    let relay = with(&engine, &folder).start().await.unwrap();
    unheard(&relay, hello(1), 3).await;
    let (_, jobs) = ask(&relay, "GET", "/v1/jobs", &Value::Null, "t").await;
    assert!(jobs["jobs"].as_array().is_some_and(|jobs| jobs.len() <= 1), "{jobs}");
    assert_eq!(engine.heard(), 0);
    engine.install();
    let done = job(&relay, 1, "done").await;
    assert_eq!((&done["kind"], &done["session"]), (&json!("catch_up"), &json!(id(1))));
    // What it heard is the session's: asked for again, all of it is there, and nothing is left to catch up with.
    assert_eq!(events_of(folder.path()), ["second 0", "second 1", "second 2"]);
    assert_eq!(engine.background(), 1, "live speech would have gone first");
    let path = format!("/v1/sessions/{}/events", id(1));
    let (_, told) = ask(&relay, "GET", &path, &Value::Null, "t").await;
    let texts: Vec<_> =
        told["events"].as_array().unwrap().iter().map(|event| &event["event"]["text"]).collect();
    assert_eq!(texts, ["second 0", "second 1", "second 2"], "{told}");
}

/// The finals in a session's files.
fn events_of(data: &std::path::Path) -> Vec<String> {
    let archive = std::fs::read_dir(data.join("archive")).unwrap().next().unwrap().unwrap().path();
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(archive).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("{\"kind\":\"final\"") {
            let mut values = serde_json::Deserializer::from_str(&rest[at..]).into_iter::<Value>();
            texts.push(values.next().unwrap().unwrap()["text"].as_str().unwrap().to_owned());
            rest = &rest[at + 1..];
        }
    }
    texts.sort();
    texts
}

#[tokio::test]
async fn a_job_outlives_the_relay_that_took_it() {
    let folder = tempfile::tempdir().unwrap();
    let relay = with(&down(), &folder).start().await.unwrap();
    unheard(&relay, hello(1), 2).await;
    relay.shutdown().await;
    let relay = with(&FakeEngine::called("only"), &folder).start().await.unwrap();
    job(&relay, 1, "done").await;
    assert_eq!(events_of(folder.path()), ["second 0", "second 1"]);
}

#[tokio::test]
async fn with_the_store_and_all_engines_lost_together_nothing_said_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let relay = with(&down(), &folder).start().await.unwrap();
    unheard(&relay, hello(1), 3).await;
    relay.shutdown().await;
    // The database is gone, with the job in it, and there is still no engine when the relay is back.
    for name in ["relay.db", "relay.db-wal", "relay.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    let engine = down();
    let relay = with(&engine, &folder).start().await.unwrap();
    // A session that lives through it goes on.
    let mut live = client(&relay, hello(2)).await;
    live.say(&ClientMessage::Open(stream(1, 0))).await;
    live.audio(1, 0, 100).await;
    live.until(|message| matches!(message, RelayMessage::Kept { next: FrameIndex(100), .. })).await;
    engine.install();
    live.until(|message| matches!(message, RelayMessage::Transcribed { to: FrameIndex(100), .. })).await;
    let done = job(&relay, 1, "done").await;
    assert_eq!(done["session"], id(1));
    assert_eq!(events_of(folder.path()), ["second 0", "second 1", "second 2"]);
}

#[tokio::test]
async fn what_is_asked_for_again_stands_beside_the_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FakeEngine::called("only");
    let relay = with(&engine, &folder).start().await.unwrap();
    heard(&relay, 1, 5).await;
    let path = format!("/v1/sessions/{}/transcribe", id(1));
    let (status, answer) =
        ask(&relay, "POST", &path, &json!({ "from_ms": 1_000, "to_ms": 4_000 }), "t").await;
    assert_eq!(status, 202, "{answer}");
    let done = job(&relay, answer["job"].as_u64().unwrap(), "done").await;
    let spans: Vec<_> = done["finals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|said| (said["from"].as_u64().unwrap(), said["to"].as_u64().unwrap()))
        .collect();
    assert_eq!(spans, [(100, 200), (200, 300), (300, 400)]);
    assert_eq!(done["progress"], 1.0);
    assert_eq!(events_of(folder.path()).len(), 5, "a final never changes");
}

#[tokio::test]
async fn requests_that_make_no_sense_or_are_not_the_callers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FakeEngine::called("only");
    let builder = with(&engine, &folder).named_token("other", "o");
    let relay = builder.start().await.unwrap();
    heard(&relay, 1, 1).await;
    let path = format!("/v1/sessions/{}/transcribe", id(1));
    let status = async |path: &str, body: Value, token: &str| ask(&relay, "POST", path, &body, token).await.0;
    assert_eq!(status(&path, json!({}), "wrong").await, 401);
    assert_eq!(status(&path, json!({}), "o").await, 404, "it is not theirs");
    assert_eq!(status(&format!("/v1/sessions/{}/transcribe", id(2)), json!({}), "t").await, 404);
    assert_eq!(status("/v1/sessions/../transcribe", json!({}), "t").await, 404);
    for wrong in
        [json!({ "from_ms": 5, "to_ms": 5 }), json!({ "form_ms": 5 }), json!({ "from_ms": -1 }), json!("all")]
    {
        assert_eq!(status(&path, wrong.clone(), "t").await, 400, "{wrong}");
    }
    let long = format!("{{}}{}", " ".repeat(10_000));
    let too_large = send(relay.local_addr(), "POST", &path, &bearer("t"), &long).await;
    assert_eq!((too_large.status, &too_large.json()["code"]), (413, &json!("too_large")));
    let (unknown, told) = ask(&relay, "POST", &path, &json!({ "engine": "other" }), "t").await;
    assert_eq!((unknown, &told["code"]), (404, &json!("no_engine")));
    let mut live = client(&relay, hello(3)).await;
    live.say(&ClientMessage::Open(stream(1, 0))).await;
    assert_eq!(status(&format!("/v1/sessions/{}/transcribe", id(3)), json!({}), "t").await, 409);
    assert_eq!(ask(&relay, "GET", "/v1/jobs/7", &Value::Null, "t").await.0, 404);
    let (_, answer) = ask(&relay, "POST", &path, &json!({}), "t").await;
    let theirs = format!("/v1/jobs/{}", answer["job"]);
    assert_eq!(ask(&relay, "GET", &theirs, &Value::Null, "o").await.0, 404);
    assert_eq!(ask(&relay, "DELETE", &theirs, &Value::Null, "o").await.0, 404);
}

#[tokio::test]
async fn a_job_that_is_cancelled_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FakeEngine::called("only");
    let relay = with(&engine, &folder).start().await.unwrap();
    heard(&relay, 1, 2).await;
    engine.shut();
    let path = format!("/v1/sessions/{}/transcribe", id(1));
    let (_, answer) = ask(&relay, "POST", &path, &json!({}), "t").await;
    let number = answer["job"].as_u64().unwrap();
    job(&relay, number, "leased").await;
    assert_eq!(ask(&relay, "DELETE", &format!("/v1/jobs/{number}"), &Value::Null, "t").await.0, 204);
    engine.open_gate();
    job(&relay, number, "cancelled").await;
    // Another goes on: the worker is free.
    let (_, answer) = ask(&relay, "POST", &path, &json!({}), "t").await;
    job(&relay, answer["job"].as_u64().unwrap(), "done").await;
    job(&relay, number, "cancelled").await;
}

#[tokio::test]
async fn a_job_whose_files_are_gone_is_set_aside_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let engine = down();
    let relay = with(&engine, &folder).start().await.unwrap();
    unheard(&relay, hello(1), 1).await;
    for entry in std::fs::read_dir(folder.path().join("archive")).unwrap() {
        std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
    }
    engine.install();
    let poisoned = job(&relay, 1, "poisoned").await;
    assert!(poisoned["error"].as_str().unwrap().contains("gone"), "{poisoned}");
}

// SPEC P15.4
#[tokio::test]
async fn catching_up_sends_speech_nowhere_its_owner_did_not_allow() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (down(), FakeEngine::at("there", "api.example"));
    there.uninstall();
    let relay = with(&here, &folder).engine(there.clone()).start().await.unwrap();
    unheard(&relay, hello(1), 1).await;
    unheard(&relay, HelloFields { remote_speech: true, ..hello(2) }, 2).await;
    there.install();
    job(&relay, 2, "done").await;
    assert_eq!(there.heard(), 2 * 16_000, "the second session's, and nothing of the first");
    here.install();
    job(&relay, 1, "done").await;
    assert_eq!((there.heard(), here.heard()), (2 * 16_000, 16_000));
}

#[tokio::test]
async fn the_catch_up_of_200_sessions_finishes() {
    let folder = tempfile::tempdir().unwrap();
    let engine = down();
    let relay = with(&engine, &folder).start().await.unwrap();
    for session in 1..=200 {
        unheard(&relay, hello(session), 1).await;
    }
    engine.install();
    for number in 1..=200 {
        job(&relay, number, "done").await;
    }
    assert!(engine.most_at_once() <= 2, "few at once: {}", engine.most_at_once());
}

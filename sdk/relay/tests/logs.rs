//! What the relay writes about what it does: everything by its trace, and no word and no secret.

mod support;

use std::fs;
use std::process::Output;
use std::sync::Arc;

use glasslink_protocol::{ClientMessage, FrameIndex, RelayMessage, StreamId};
use glasslink_relay::Relay;
use support::captured::Captured;
use support::engine::FakeEngine;
use support::http::{ask, bearer};
use support::program::{Served, program};
use support::{Client, hello, request, stream, traced_hello};

fn search(folder: &str, trace: &str) -> Output {
    program().args(["logs", "--data", folder, "--trace", trace]).output().unwrap()
}

#[tokio::test]
async fn a_connection_is_followed_from_door_to_end_by_its_trace() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut relay = Served::start(&["--engine", "none", "--data", data]);
    for trace in ["phone-1", "phone-2"] {
        let mut client = Client::plain(&relay.url).await;
        client.send(traced_hello(if trace == "phone-1" { 1 } else { 2 }, trace)).await;
        client.say(&ClientMessage::Open(stream(1, 0))).await;
        client.audio(1, 0, 100).await;
        client.until(|message| matches!(message, RelayMessage::Kept { next: FrameIndex(100), .. })).await;
        client.say(&ClientMessage::End { stream: StreamId(1), at: FrameIndex(100) }).await;
        client.say(&ClientMessage::Bye).await;
        client.until_closed().await;
    }
    let pid = relay.process.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    relay.process.wait().unwrap();

    let found = search(data, "phone-1");
    let text = String::from_utf8(found.stdout).unwrap();
    for step in ["attached", "stream opened", "stream ended", "session over"] {
        assert!(text.contains(step), "{step}: {text}");
    }
    assert!(!text.contains("phone-2"));
    let nothing = search(data, "phone-3");
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8(nothing.stderr).unwrap().contains("phone-3"));
    let names: Vec<_> = fs::read_dir(folder.path().join("logs")).unwrap().collect();
    assert_eq!(names.len(), 1, "a file a day");
}

#[tokio::test]
async fn an_error_that_a_client_is_told_names_the_trace() {
    let relay = Relay::builder().named_token("ann", "a").named_token("bob", "b").start().await.unwrap();
    let mut ann = Client::connect(request(&relay.url(), Some("a"))).await.unwrap();
    ann.greet(hello(1)).await;
    let mut bob = Client::connect(request(&relay.url(), Some("b"))).await.unwrap();
    bob.send(traced_hello(1, "bobs-phone")).await;
    let (messages, _) = bob.until_closed().await;
    let trace = messages.iter().find_map(|message| match message {
        RelayMessage::Error(report) => report.trace.clone(),
        _ => None,
    });
    assert_eq!(trace.as_deref(), Some("bobs-phone"));
}

#[tokio::test]
async fn neither_speech_nor_secrets_are_in_logs_however_much_is_logged() {
    let captured = Captured::default();
    // Everything that is ours, which is all that a filter can bring out of the program.
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(
            "glasslink_relay=trace,glasslink_session=trace,glasslink_asr=trace,glasslink_audio=trace",
        )
        .with_writer(captured.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::builder().token("s3cret").engine(Arc::new(FakeEngine::default()));
    let relay = relay.data(folder.path()).start().await.unwrap();
    let mut client = Client::connect(request(&relay.url(), Some("s3cret"))).await.unwrap();
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 200).await;
    client.until(|message| matches!(message, RelayMessage::Transcript { number, .. } if number.0 == 1)).await;
    for token in ["s3cret", "wr0ng"] {
        for path in ["/v1/sessions", "/v1/sessions/00000000000000000000000000000001/transcript?format=txt"] {
            ask(relay.local_addr(), "GET", path, &bearer(token)).await;
        }
    }
    client.say(&ClientMessage::Bye).await;
    client.until_closed().await;
    relay.shutdown().await;
    let text = captured.text();
    assert!(text.contains("stream opened"), "something was logged");
    for private in ["second", "s3cret", "wr0ng", "00000000000000000000000000000001"] {
        let line = text.lines().find(|line| line.contains(private));
        assert!(line.is_none(), "{private}: {line:?}");
    }
}

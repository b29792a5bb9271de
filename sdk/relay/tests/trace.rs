//! A frame by its trace. A test binary of its own: what others do beside it would decide what `tracing` tells.

mod support;

use std::fs;
use std::sync::Arc;

use glasslink_protocol::{ClientMessage, RelayMessage};
use glasslink_relay::Relay;
use serde_json::{Value, json};
use support::captured::Captured;
use support::engine::FakeEngine;
use support::program::program;
use support::{Client, stream, traced_hello};

#[tokio::test]
async fn a_frame_is_followed_from_its_stream_to_engine_and_transcript_by_the_trace() {
    let (captured, folder) = (Captured::default(), tempfile::tempdir().unwrap());
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false);
    let subscriber = subscriber.with_env_filter("info").with_writer(captured.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let relay = Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap();
    for (session, trace) in [(1, "phone-1"), (2, "phone-2")] {
        let mut client = Client::plain(&relay.url()).await;
        client.send(traced_hello(session, trace)).await;
        client.say(&ClientMessage::Open(stream(1, 0))).await;
        client.audio(1, 0, 200).await;
        client
            .until(|message| matches!(message, RelayMessage::Transcript { number, .. } if number.0 == 2))
            .await;
    }
    fs::write(folder.path().join("relay.today.jsonl"), captured.text()).unwrap();
    let found =
        program().args(["logs", "--json", "--trace", "phone-1", "--log-dir"]).arg(folder.path()).output();
    let found = String::from_utf8(found.unwrap().stdout).unwrap();
    let lines: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |message: &str| lines.iter().filter(|line| line["message"] == message).collect::<Vec<_>>();
    assert_eq!((of("attached").len(), of("stream opened").len(), of("engine").len()), (1, 1, 1), "{found}");
    assert!(of("engine")[0]["engine"].is_string(), "{found}");
    // Frame 150 is in the second.
    let spans: Vec<_> =
        of("transcribed").into_iter().map(|line| (&line["number"], &line["from"], &line["to"])).collect();
    assert_eq!(spans, [(&json!(1), &json!("0"), &json!("100")), (&json!(2), &json!("100"), &json!("200"))]);
}

//! A client of Omi's protocol, written from facts, against a relay in a process of its own: LC3 frames as a pendant's
//! phone passes them on.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use glasslink::audio::{AudioFile, Captured, Lc3Source, Pace, SampleSource, SourceExt};
use glasslink::{Link, StreamOptions};
use glasslink_e2e::{RelayProcess, speech};
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// An utterance is decoded in a second, on a machine that is busy in many.
const PATIENCE: Duration = Duration::from_mins(2);

/// LC3 at 30 bytes a frame, as Omi has it.
fn lc3(samples: Vec<i16>) -> Lc3Source<SampleSource> {
    Lc3Source::new(SampleSource::new(samples, 16_000, Pace::UNPACED).unwrap(), 30).unwrap()
}

/// What our own client's user is told of the same frames.
async fn ours(relay: &RelayProcess, samples: Vec<i16>) -> Vec<String> {
    let (link, _events) = Link::builder(relay.address()).connect().unwrap();
    link.wait_live(Some(PATIENCE)).await.unwrap();
    link.attach(lc3(samples), StreamOptions::default()).unwrap().ended().await.unwrap();
    link.finish().await.unwrap();
    let transcript = link.transcript();
    link.close().await;
    transcript.entries().iter().filter_map(|entry| entry.text().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_settle_to_what_our_own_client_is_told() {
    let Some([_, clip]) = speech() else { return };
    let relay = RelayProcess::start(None, None);
    let (mut samples, mut file) = (Vec::new(), AudioFile::open(&clip.path, 16_000).unwrap());
    while file.read(&mut samples).unwrap() {}
    // Nobody tells of an end: what is behind the last word settles it.
    samples.resize(samples.len() + 3 * 16_000, 0);
    let ours = ours(&relay, samples.clone()).await;

    let address = relay.address().replacen("http", "ws", 1);
    let query = "language=en&sample_rate=16000&codec=lc3_fs1030&uid=x&include_speech_profile=true&stt_service=none\
                 &conversation_timeout=120";
    let (mut socket, _) = connect_async(format!("{address}/v4/listen?{query}")).await.unwrap();
    let (mut source, mut frame) = (lc3(samples), Vec::new());
    while let Some(Captured::Frame { .. }) = source.next(&mut frame).await.unwrap() {
        socket.send(Message::binary(frame.clone())).await.unwrap();
    }
    let mut segments: Vec<(String, String)> = Vec::new();
    let (mut pings, mut statuses) = (0, Vec::new());
    while segments.iter().map(|(_, text)| text).ne(&ours) {
        let message = timeout(PATIENCE, socket.next()).await;
        let message = message.unwrap_or_else(|_| panic!("{segments:?} is not {ours:?}"));
        let Some(Ok(Message::Text(text))) = message else { panic!("{message:?}: {segments:?}") };
        if text.trim() == "ping" {
            pings += 1;
            continue;
        }
        match serde_json::from_str(&text).unwrap() {
            Value::Array(updated) => {
                for segment in updated {
                    let field = |name: &str| segment[name].as_str().unwrap().to_owned();
                    assert!(segment["start"].as_f64() < segment["end"].as_f64(), "{segment}");
                    match segments.iter_mut().find(|(id, _)| *id == segment["id"]) {
                        Some((_, text)) => *text = field("text"),
                        None => segments.push((field("id"), field("text"))),
                    }
                }
            }
            event => match event["type"].as_str().unwrap() {
                "service_status" => statuses.push(event["status"].as_str().unwrap().to_owned()),
                "segments_deleted" => {
                    let gone = event["segment_ids"].as_array().unwrap();
                    segments.retain(|(id, _)| !gone.iter().any(|deleted| *deleted == **id));
                }
                other => panic!("{other}"),
            },
        }
    }
    println!("{segments:?}, {pings} pings");
    assert!(pings > 0 && !ours.is_empty());
    assert_eq!(statuses.last().map(String::as_str), Some("ready"));
    socket.close(None).await.unwrap();
}

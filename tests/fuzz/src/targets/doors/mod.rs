//! A relay's doors for other people's clients, on real sockets: a line of an input is what a client does.

mod client;
mod engine;
mod panics;
mod relay;

use serde_json::Value;

use client::Ended;

/// A client of Deepgram's protocol.
pub(super) fn deepgram(input: &[u8]) {
    relay::with(|relay| async move {
        let Some(mut client) = client::connect(&relay, "/v1/listen", input).await else { return };
        let text = String::from_utf8_lossy(input);
        let is_there = client.play(text.lines().skip(1)).await;
        if !is_there {
            return;
        }
        client.send_text(r#"{"type":"CloseStream"}"#).await;
        let Ended { code, texts } = client.rest().await;
        let mut last: Vec<f64> = vec![0.0; 8];
        for text in &texts {
            let message: Value = serde_json::from_str(text).expect("all it says is JSON");
            let kind = message["type"].as_str().expect("everything has a type");
            let known = ["Results", "Metadata", "UtteranceEnd", "SpeechStarted", "Error", "ConfigureFailure"];
            assert!(known.contains(&kind), "{message}");
            if message["is_final"] == true && message["duration"] != 0.0 {
                let channel = message["channel_index"][0].as_u64().expect("a number") as usize;
                let start = message["start"].as_f64().expect("a number");
                assert!(start >= last[channel], "{message} after {}", last[channel]);
                last[channel] = start;
            }
        }
        // Unless it was broken off, it is finished, or what came was refused with a reason.
        assert!(matches!(code, Some(1000 | 1008 | 1009)), "{code:?}");
        let finished = texts.last().is_some_and(|text| text.contains(r#""type":"Metadata""#));
        assert_eq!(finished, code == Some(1000), "{code:?}: {:?}", texts.last());
    });
}

/// A client of Omi's.
pub(super) fn omi(input: &[u8]) {
    relay::with(|relay| async move {
        let Some(mut client) = client::connect(&relay, "/v4/listen", input).await else { return };
        let text = String::from_utf8_lossy(input);
        if !client.play(text.lines().skip(1)).await {
            return;
        }
        client.close().await;
        let Ended { code, texts } = client.rest().await;
        for text in texts.iter().filter(|text| *text != "ping") {
            match serde_json::from_str(text).expect("all else is JSON") {
                Value::Array(segments) => {
                    for segment in segments {
                        let (start, end) = (segment["start"].as_f64(), segment["end"].as_f64());
                        assert!(start <= end && segment["id"].is_string(), "{segment}");
                    }
                }
                event => assert!(event["type"].is_string(), "{event}"),
            }
        }
        assert!(matches!(code, None | Some(1000 | 1003 | 1009)), "{code:?}");
    });
}

//! Deepgram's door, spoken to in Deepgram's protocol.

mod support;

use std::sync::Arc;
use std::time::Duration;

use glasslink_relay::{Relay, RelayHandle};
use serde_json::Value;
use support::deepgram::{Deepgram, finals, is, listen, with};
use support::engine::FakeEngine;
use support::eventually;
use support::http::{ask, bearer, get};
use tokio::time::interval;
use tokio_tungstenite::tungstenite::{Error, Message};

const LINEAR: &str = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000";

/// A whole page of Ogg whose packet is none of Opus.
const THEORA: &[u8] = include_bytes!("data/theora.ogg");

async fn relay() -> RelayHandle {
    Relay::builder().engine(Arc::new(FakeEngine::default())).start().await.unwrap()
}

/// The body and headers of a refused upgrade.
async fn refused(
    request: tokio_tungstenite::tungstenite::handshake::client::Request,
) -> (u16, Value, String) {
    match Deepgram::connect(request).await {
        Err(Error::Http(response)) => {
            let error = response.headers()["dg-error"].to_str().unwrap().to_owned();
            let body = response.body().as_deref().unwrap_or_default();
            (response.status().as_u16(), serde_json::from_slice(body).unwrap(), error)
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was let in"),
    }
}

#[tokio::test]
async fn what_is_said_comes_with_its_words_and_the_last_word_is_metadata_and_1000() {
    let relay = relay().await;
    let mut client = Deepgram::at_16_khz(&relay.url(), "interim_results=true&vad_events=true").await;
    let id = client.response.headers()["dg-request-id"].to_str().unwrap().to_owned();
    assert!(client.response.headers().get("sec-websocket-protocol").is_none());
    client.audio(25).await;
    client.say("CloseStream").await;
    let (heard, end) = client.rest().await;
    assert_eq!(end, Some((1_000, String::new())));
    assert_eq!(finals(&heard), ["second 0", "second 1", "second 2"]);
    assert_eq!(heard[0]["type"], "SpeechStarted");
    assert!(heard.iter().any(|message| message["is_final"] == false));

    let second = heard.iter().filter(|message| message["is_final"] == true).nth(1).unwrap();
    assert_eq!((second["start"].as_f64(), second["duration"].as_f64()), (Some(1.0), Some(1.0)));
    assert_eq!(
        (second["speech_final"].as_bool(), second["channel_index"][1].as_u64()),
        (Some(true), Some(1))
    );
    assert_eq!(second["metadata"]["request_id"], id);
    let words = &second["channel"]["alternatives"][0]["words"];
    assert_eq!((words[0]["word"].as_str(), words[0]["end"].as_f64()), (Some("second"), Some(1.5)));
    assert_eq!((words[1]["word"].as_str(), words[1]["start"].as_f64()), (Some("1"), Some(1.5)));

    let last = heard.last().unwrap();
    assert_eq!((last["type"].as_str(), last["request_id"].as_str()), (Some("Metadata"), Some(id.as_str())));
    assert_eq!((last["duration"].as_f64(), last["channels"].as_u64()), (Some(2.5), Some(1)));
    assert_eq!(last["sha256"].as_str().map(str::len), Some(64));
    assert!(last["created"].as_str().unwrap().ends_with('Z'), "{last}");
}

#[tokio::test]
async fn finalize_settles_what_was_sent_and_times_go_on() {
    let relay = relay().await;
    let mut client = Deepgram::at_16_khz(&relay.url(), "").await;
    client.audio(14).await;
    // Not even a whole frame more.
    client.send(Message::binary(vec![0; 100])).await;
    client.say("Finalize").await;
    let heard = client.until(|message| message["from_finalize"] == true).await;
    assert_eq!(finals(&heard), ["second 0", "second 1"]);
    client.audio(10).await;
    client.say("Finalize").await;
    let heard = client.until(|message| message["from_finalize"] == true).await;
    assert_eq!(finals(&heard), ["second 0"]);
    let said = |message: &&Value| message["channel"]["alternatives"][0]["transcript"] == "second 0";
    let start = heard.iter().find(said).unwrap()["start"].as_f64().unwrap();
    assert!((start - 1.403).abs() < 1e-9, "{start}");
    // Nothing was sent since.
    client.say("Finalize").await;
    let heard = client.until(|message| message["from_finalize"] == true).await;
    assert_eq!(finals(&heard), Vec::<String>::new());
    client.say("CloseStream").await;
    let (heard, end) = client.rest().await;
    assert_eq!(end.map(|end| end.0), Some(1_000));
    assert_eq!(heard.last().unwrap()["duration"].as_f64(), Some(2.403));
}

#[tokio::test]
async fn an_utterance_ends_when_nothing_follows_for_so_long() {
    let relay = relay().await;
    let mut client = Deepgram::at_16_khz(&relay.url(), "interim_results=true&utterance_end_ms=0").await;
    client.audio(10).await;
    let heard = client.until(is("UtteranceEnd")).await;
    let end = heard.last().unwrap();
    assert_eq!((end["last_word_end"].as_f64(), end["channel"][0].as_u64()), (Some(1.0), Some(0)));
}

#[tokio::test]
async fn channels_are_told_apart_or_mixed() {
    let relay = relay().await;
    for (query, finals_wanted, channels) in [("channels=2&multichannel=true", 4, 2), ("channels=2", 2, 1)] {
        let mut client = Deepgram::at_16_khz(&relay.url(), query).await;
        // In pieces that end within a sample.
        for _ in 0..20 {
            client.send(Message::binary(vec![0; 6_399])).await;
            client.send(Message::binary(vec![0; 1])).await;
        }
        client.say("CloseStream").await;
        let (heard, _) = client.rest().await;
        assert_eq!(finals(&heard).len(), finals_wanted, "{heard:#?}");
        assert_eq!(heard.last().unwrap()["channels"].as_u64(), Some(channels));
        let last_channel = heard.iter().filter_map(|message| message["channel_index"][0].as_u64()).max();
        assert_eq!(last_channel, Some(channels - 1));
    }
}

#[tokio::test]
async fn what_is_not_audio_ends_the_connection_and_says_so() {
    let relay = relay().await;
    for path in
        ["/v1/listen?model=nova-3", "/v1/listen?model=nova-3&encoding=flac", "/v1/listen?encoding=ogg-opus"]
    {
        let mut client = Deepgram::connect(listen(&relay.url(), path)).await.unwrap();
        // A page of something else in Ogg.
        client.send(Message::binary(THEORA.to_vec())).await;
        let (code, reason) = client.rest().await.1.unwrap();
        assert_eq!(code, 1_008, "{path}");
        assert!(reason.starts_with("DATA-0000"), "{reason}");
    }
}

#[tokio::test]
async fn telephone_audio_and_opus_packets_are_heard_at_their_rate() {
    let relay = relay().await;
    // A second each, and what is said in it.
    let opus: Vec<Vec<u8>> = (0..50).map(|_| vec![1 << 3, 0xff, 0xfe]).collect();
    let mulaw: Vec<Vec<u8>> = (0..10).map(|_| vec![0xff; 800]).collect();
    for (query, messages) in [
        ("encoding=mulaw&sample_rate=8000", &mulaw),
        ("encoding=alaw&sample_rate=8000", &mulaw),
        ("encoding=opus&sample_rate=48000", &opus),
    ] {
        let path = format!("/v1/listen?model=nova-3&{query}");
        let mut client = Deepgram::connect(listen(&relay.url(), &path)).await.unwrap();
        for message in messages {
            client.send(Message::binary(message.clone())).await;
        }
        client.say("CloseStream").await;
        let (heard, end) = client.rest().await;
        assert_eq!((finals(&heard).len(), end.map(|end| end.0)), (1, Some(1_000)), "{query}: {heard:?}");
        assert_eq!(heard.last().unwrap()["duration"].as_f64(), Some(1.0), "{query}");
    }
}

#[tokio::test]
async fn each_connection_is_a_session_that_belongs_to_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let builder = Relay::builder().engine(Arc::new(FakeEngine::default())).token("s3cret");
    let relay = builder.data(folder.path()).start().await.unwrap();
    let key = relay.keys().add_app("captions", false).unwrap().key;
    let other = relay.keys().add_app("other", false).unwrap().key;
    let request =
        with(listen(&relay.url(), &format!("{LINEAR}&tag=stage")), "authorization", &format!("Token {key}"));
    let mut client =
        eventually("the relay knows the key", async || Deepgram::connect(request.clone()).await.ok()).await;
    let id = client.response.headers()["dg-request-id"].to_str().unwrap().replace('-', "");
    client.audio(30).await;
    client.until(|message| message["is_final"] == true).await;
    let path = format!("/v1/sessions/{id}");
    let live = eventually("the session is listed", async || {
        let answer = ask(relay.local_addr(), "GET", &path, &bearer(&key)).await;
        (answer.status == 200).then(|| answer.json()).filter(|answer| answer["state"] == "attached")
    })
    .await;
    assert_eq!(live["streams"][0]["label"], "stage", "{live}");
    assert_eq!(ask(relay.local_addr(), "GET", &path, &bearer(&other)).await.status, 404);
    // It hangs up in the middle: what it sent is in the session, and the session is over.
    client.audio(5).await;
    drop(client);
    let over = eventually("the session is over", async || {
        let answer = ask(relay.local_addr(), "GET", &path, &bearer("s3cret")).await;
        Some(answer.json()).filter(|answer| answer["state"] == "over")
    })
    .await;
    assert_eq!(over["streams"].as_array().unwrap().len(), 1, "{over}");
    let text = eventually("its transcript is whole", async || {
        let answer =
            ask(relay.local_addr(), "GET", &format!("{path}/transcript?format=txt"), &bearer("s3cret")).await;
        (answer.status == 200).then(|| answer.text()).filter(|text| text.contains("second 2"))
    })
    .await;
    assert!(text.contains("second 0"), "{text}");
}

#[tokio::test]
async fn browsers_show_their_key_among_the_subprotocols() {
    let relay =
        Relay::builder().engine(Arc::new(FakeEngine::default())).token("s3cret").start().await.unwrap();
    let request = with(listen(&relay.url(), LINEAR), "sec-websocket-protocol", "token, s3cret");
    let client = Deepgram::connect(request).await.unwrap();
    assert_eq!(client.response.headers()["sec-websocket-protocol"], "token");
}

#[tokio::test]
async fn refusals_are_worded_as_the_sdks_know_them() {
    let builder = Relay::builder().engine(Arc::new(FakeEngine::default())).token("s3cret");
    let relay = builder.start().await.unwrap();
    let (status, body, error) =
        refused(with(listen(&relay.url(), LINEAR), "authorization", "Token wrong")).await;
    assert_eq!((status, body["err_code"].as_str()), (401, Some("INVALID_AUTH")));
    assert_eq!(
        (body["err_msg"].as_str(), error.as_str()),
        (Some("Invalid credentials."), "Invalid credentials.")
    );
    assert_eq!(body["request_id"].as_str().map(str::len), Some(36));
    let allowed = |query: &str| {
        with(listen(&relay.url(), &format!("/v1/listen?{query}")), "authorization", "Token s3cret")
    };
    for query in [
        "encoding=linear16&sample_rate=16000&callback=http://example.com",
        "encoding=linear16",
        "encoding=amr-nb&sample_rate=8000",
    ] {
        let (status, body, _) = refused(allowed(query)).await;
        assert_eq!((status, body["err_code"].as_str()), (400, Some("Bad Request")), "{query}");
    }
    assert_eq!(get(relay.local_addr(), LINEAR).await.status, 401);
    let plain = ask(relay.local_addr(), "GET", LINEAR, &bearer("s3cret")).await;
    assert_eq!(plain.status, 400, "{plain:?}");
}

#[tokio::test]
async fn without_an_engine_nobody_is_let_wait_for_text() {
    let relay = Relay::builder().start().await.unwrap();
    let (status, _, error) = refused(listen(&relay.url(), LINEAR)).await;
    assert_eq!((status, error.as_str()), (503, "this relay has no speech engine"));
    let elsewhere = FakeEngine::at("cloud", "speech.example");
    let relay = Relay::builder().engine(elsewhere).remote_speech(true).start().await.unwrap();
    assert_eq!(refused(listen(&relay.url(), LINEAR)).await.0, 503, "its owner did not allow it");
    assert!(Deepgram::connect(listen(&relay.url(), &format!("{LINEAR}&remote_speech=true"))).await.is_ok());
}

#[tokio::test]
async fn an_identity_has_so_many_sessions_and_no_more() {
    let builder = Relay::builder().engine(Arc::new(FakeEngine::default())).token("s3cret");
    let relay = builder.named_token("phone", "other").max_sessions_each(1).start().await.unwrap();
    let request = || with(listen(&relay.url(), LINEAR), "authorization", "Token other");
    let _first = Deepgram::connect(request()).await.unwrap();
    let (status, body, _) = refused(request()).await;
    assert_eq!((status, body["err_code"].as_str()), (429, Some("TOO_MANY_REQUESTS")));
}

#[tokio::test]
async fn what_is_not_of_the_protocol_is_answered_and_passed_over() {
    let relay = relay().await;
    let mut client = Deepgram::at_16_khz(&relay.url(), "").await;
    for text in ["", "{", r#"{"type":"Tomorrow"}"#, "[1]"] {
        client.send(Message::text(text)).await;
        let answer = client.hear().await.unwrap();
        assert_eq!(
            (answer["type"].as_str(), answer["variant"].as_str()),
            (Some("Error"), Some("UnparsableClientMessage"))
        );
    }
    client.send(Message::text(r#"{"type":"Configure","keyterms":["a"]}"#)).await;
    assert_eq!(client.hear().await.unwrap()["type"], "ConfigureFailure");
    client.audio(10).await;
    // The empty message of clients of old.
    client.send(Message::binary(Vec::new())).await;
    let (heard, end) = client.rest().await;
    assert_eq!((finals(&heard).len(), end.map(|end| end.0)), (1, Some(1_000)));
}

#[tokio::test]
async fn a_relay_that_stops_says_so_with_a_code_that_makes_clients_come_back() {
    let relay = relay().await;
    let mut client = Deepgram::at_16_khz(&relay.url(), "").await;
    client.audio(1).await;
    let stopping = tokio::spawn(relay.shutdown());
    let (_, end) = client.rest().await;
    assert_eq!(end.map(|end| end.0), Some(1_012));
    stopping.await.unwrap();
}

#[tokio::test]
async fn ten_seconds_of_nothing_end_a_connection_and_a_word_keeps_it() {
    let relay = relay().await;
    let mut silent = Deepgram::at_16_khz(&relay.url(), "").await;
    let mut kept = Deepgram::at_16_khz(&relay.url(), "").await;
    let mut words = interval(Duration::from_secs(4));
    let end = loop {
        tokio::select! {
            end = silent.hear() => break end.unwrap_err(),
            _ = words.tick() => kept.say("KeepAlive").await,
        }
    };
    let (code, reason) = end.unwrap();
    assert_eq!(code, 1_011);
    assert!(reason.contains("net0001"), "{reason}");
    kept.audio(10).await;
    kept.until(|message| message["is_final"] == true).await;
}

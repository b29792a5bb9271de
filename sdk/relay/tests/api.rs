//! What the relay tells of its sessions over HTTP, and to whom.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use glasslink_protocol::{ClientMessage, ClockMark, FrameIndex, Gap, GapCause, RelayMessage, StreamId};
use glasslink_relay::{Relay, RelayBuilder, RelayHandle};
use serde_json::{Value, json};
use support::engine::FakeEngine;
use support::http::{Answer, ask, bearer, get};
use support::{Client, PATIENCE, eventually, hello, lc3, request, stream};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

const ID: &str = "00000000000000000000000000000001";

fn with_engine() -> RelayBuilder {
    Relay::builder().engine(Arc::new(FakeEngine::default()))
}

/// A session with three seconds of speech, a gap of one, and a clock.
async fn talk(relay: &RelayHandle, session: u128, token: Option<&str>) -> Client {
    let mut client = Client::connect(request(&relay.url(), token)).await.unwrap();
    client.greet(hello(session)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    let mark = ClockMark {
        stream: StreamId(1),
        index: FrameIndex(0),
        monotonic_us: 0,
        utc_ms: 1_700_000_000_000,
        utc_offset_min: 0,
    };
    client.say(&ClientMessage::Clock(mark)).await;
    client.audio(1, 0, 200).await;
    let gap = Gap::new(StreamId(1), FrameIndex(200), FrameIndex(300), GapCause::Overflow, &lc3());
    client.say(&ClientMessage::Gap(gap)).await;
    client.audio(1, 300, 100).await;
    client.say(&ClientMessage::End { stream: StreamId(1), at: FrameIndex(400) }).await;
    client.until(|message| matches!(message, RelayMessage::Ended { .. })).await;
    client.until(|message| matches!(message, RelayMessage::Transcribed { to: FrameIndex(400), .. })).await;
    client
}

/// Asks until the answer is as wanted: the catalogue follows the session by a moment.
async fn until(relay: &RelayHandle, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{path} as wanted"), async || {
        let answer = get(relay.local_addr(), path).await;
        (answer.status == 200).then(|| answer.json()).filter(|answer| wanted(answer))
    })
    .await
}

fn says(word: &'static str) -> impl Fn(&Value) -> bool {
    move |answer| answer["state"] == word
}

async fn events(relay: &RelayHandle, id: &str, count: usize) -> Value {
    let path = format!("/v1/sessions/{id}/events");
    until(relay, &path, |answer| answer["events"].as_array().unwrap().len() >= count).await
}

#[tokio::test]
async fn a_session_is_listed_described_and_told_in_five_formats() {
    let folder = tempfile::tempdir().unwrap();
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    let mut client = talk(&relay, 1, None).await;
    let address = relay.local_addr();
    let found = events(&relay, ID, 4).await;
    assert_eq!((found["more"].clone(), found["next"].clone()), (json!(false), json!(4)));

    let described = until(&relay, &format!("/v1/sessions/{ID}"), says("attached")).await;
    assert_eq!((&described["owner"], &described["client"]), (&json!("local"), &json!("test")));
    assert_eq!(described["live"]["last_event"], 4);
    assert_eq!(described["streams"][0]["live"]["frames"], 300);
    assert_eq!(described["streams"][0]["started_ms"], 1_700_000_000_000_i64);
    let changes: Vec<_> =
        described["changes"].as_array().unwrap().iter().map(|change| &change["what"]).collect();
    // The engine may be ready before or after.
    let changes: Vec<_> = changes.into_iter().filter(|what| **what != "engine").collect();
    assert_eq!(changes, ["created", "attached", "stream_opened", "gap", "stream_ended"]);
    let versions: Vec<_> = described["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["version"].as_u64().unwrap())
        .collect();
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");

    let path = format!("/v1/sessions/{ID}/transcript");
    for (format, media_type, wanted) in [
        ("txt", "text/plain", "second 1"),
        ("md", "text/markdown", "second 1"),
        ("json", "application/json", "\"overflow\""),
        ("srt", "application/x-subrip", "00:00:00,000 -->"),
        ("vtt", "text/vtt", "WEBVTT"),
    ] {
        let by_name = get(address, &format!("{path}?format={format}")).await;
        let by_type = ask(address, "GET", &path, &format!("Accept: {media_type}\r\n")).await;
        assert_eq!((by_name.status, by_name.text()), (200, by_type.text()));
        assert!(by_type.header("content-type").unwrap().starts_with(media_type));
        assert!(by_name.text().contains(wanted), "{format}: {}", by_name.text());
    }
    assert_eq!(ask(address, "GET", &path, "Accept: image/png\r\n").await.status, 406);

    client.say(&ClientMessage::Bye).await;
    until(&relay, &format!("/v1/sessions/{ID}"), says("over")).await;
    assert_eq!(
        get(address, &format!("{path}?format=txt")).await.status,
        200,
        "its words stay as long as its files"
    );
}

#[tokio::test]
async fn audio_comes_as_wav_and_flac_for_a_range_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    let _client = talk(&relay, 1, None).await;
    events(&relay, ID, 4).await;
    let fetch = |query: &str| {
        let path = format!("/v1/sessions/{ID}/audio{query}");
        let address = relay.local_addr();
        async move { get(address, &path).await }
    };
    let wav = fetch("").await;
    assert_eq!((wav.status, &wav.body[..4], wav.body.len()), (200, &b"RIFF"[..], 44 + 4 * 32_000));
    // One second, half of which is missing.
    let part = fetch("?from_ms=1500&to_ms=2500").await;
    assert_eq!(part.body.len(), 44 + 32_000);
    assert!(part.body[44 + 16_000..].iter().all(|byte| *byte == 0), "what is missing is silence");
    let flac = fetch("?format=flac&from_ms=1000").await;
    assert_eq!((flac.status, &flac.body[..4]), (200, &b"fLaC"[..]));
    let path = folder.path().join("heard.flac");
    fs::write(&path, &flac.body).unwrap();
    let mut file = glasslink_audio::AudioFile::open(&path, 16_000).unwrap();
    let mut samples = Vec::new();
    while file.read(&mut samples).unwrap() {}
    assert_eq!(samples.len(), 48_000);
    for (query, status) in
        [("?from_ms=9000", 416), ("?to_ms=0", 400), ("?stream=7", 404), ("?format=mp3", 400)]
    {
        assert_eq!(fetch(query).await.status, status, "{query}");
    }
}

/// Lines of an answer that goes on.
async fn follow(relay: &RelayHandle, path: &str, headers: &str) -> BufReader<TcpStream> {
    let mut socket = TcpStream::connect(relay.local_addr()).await.unwrap();
    let head = format!(
        "GET {path} HTTP/1.0\r\nHost: {}\r\nAccept: text/event-stream\r\n{headers}\r\n",
        relay.local_addr()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    BufReader::new(socket)
}

async fn next_id(lines: &mut BufReader<TcpStream>) -> Option<u64> {
    loop {
        let mut line = String::new();
        let read = timeout(PATIENCE, lines.read_line(&mut line)).await.expect("it goes on").unwrap();
        if read == 0 {
            return None;
        }
        if let Some(id) = line.strip_prefix("id: ") {
            return Some(id.trim().parse().unwrap());
        }
    }
}

#[tokio::test]
async fn who_follows_a_session_gets_every_event_once_and_hears_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    let mut client = talk(&relay, 1, None).await;
    events(&relay, ID, 4).await;
    let path = format!("/v1/sessions/{ID}/events");
    let mut follower = follow(&relay, &format!("{path}?since=1"), "").await;
    for number in 2..=4 {
        assert_eq!(next_id(&mut follower).await, Some(number));
    }
    let mut resumed = follow(&relay, &path, "Last-Event-ID: 4\r\n").await;
    client.say(&ClientMessage::Open(stream(2, 0))).await;
    client.audio(2, 0, 100).await;
    client.say(&ClientMessage::End { stream: StreamId(2), at: FrameIndex(100) }).await;
    assert_eq!(next_id(&mut follower).await, Some(5));
    assert_eq!(next_id(&mut resumed).await, Some(5));
    client.until(|message| matches!(message, RelayMessage::Ended { stream: StreamId(2) })).await;
    client.say(&ClientMessage::Bye).await;
    assert_eq!(next_id(&mut follower).await, None);
}

#[tokio::test]
async fn everybody_sees_their_own_and_the_owner_all() {
    let folder = tempfile::tempdir().unwrap();
    let builder = with_engine().token("owner's").named_token("ann", "ann's").named_token("bob", "bob's");
    let relay = builder.data(folder.path()).start().await.unwrap();
    let _ann = talk(&relay, 1, Some("ann's")).await;
    let _bob = talk(&relay, 2, Some("bob's")).await;
    let address = relay.local_addr();
    let asked = |method: &'static str, path: String, token: &'static str| async move {
        ask(address, method, &path, &bearer(token)).await
    };
    eventually("both are listed", async || {
        let all = asked("GET", "/v1/sessions".into(), "owner's").await.json();
        (all["sessions"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    let anns = asked("GET", "/v1/sessions".into(), "ann's").await.json();
    assert_eq!(anns["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(anns["sessions"][0]["owner"], "token:ann");
    for what in ["", "/transcript", "/events", "/audio"] {
        let path = format!("/v1/sessions/{ID}{what}");
        assert_eq!(asked("GET", path.clone(), "ann's").await.status, 200, "{path}");
        assert_eq!(asked("GET", path.clone(), "owner's").await.status, 200, "{path}");
        let refused = asked("GET", path.clone(), "bob's").await;
        let unknown = asked("GET", path.replace(ID, &"f".repeat(32)), "bob's").await;
        assert_eq!(
            (refused.status, refused.json()),
            (unknown.status, unknown.json()),
            "nobody learns of it: {path}"
        );
        assert_eq!(refused.status, 404);
        assert_eq!(get(address, &path).await.status, 401);
    }
    assert_eq!(asked("DELETE", format!("/v1/sessions/{ID}?end=true"), "bob's").await.status, 404);
    assert_eq!(asked("GET", format!("/v1/sessions/{ID}"), "ann's").await.status, 200);
}

#[tokio::test]
async fn pages_follow_each_other_without_hole_or_repeat() {
    let relay = Relay::builder().start().await.unwrap();
    let mut clients = Vec::new();
    for session in 1..=7 {
        let mut client = Client::plain(&relay.url()).await;
        client.greet(hello(session)).await;
        clients.push(client);
    }
    let all = |answer: &Value| answer["sessions"].as_array().unwrap().len() == 7;
    until(&relay, "/v1/sessions?state=attached", all).await;
    let (mut seen, mut path) = (BTreeSet::new(), "/v1/sessions?limit=3".to_owned());
    loop {
        let page = get(relay.local_addr(), &path).await.json();
        for session in page["sessions"].as_array().unwrap() {
            assert!(seen.insert(session["id"].as_str().unwrap().to_owned()));
        }
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/sessions?limit=3&cursor={next}");
    }
    assert_eq!(seen.len(), 7);
    for wrong in ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=1-2", "state=gone"] {
        let answer = get(relay.local_addr(), &format!("/v1/sessions?{wrong}")).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("bad_parameter")), "{wrong}");
    }
}

#[tokio::test]
async fn without_a_data_folder_a_session_that_is_over_is_gone() {
    let relay = with_engine().start().await.unwrap();
    let mut client = talk(&relay, 1, None).await;
    events(&relay, ID, 4).await;
    assert_eq!(get(relay.local_addr(), &format!("/v1/sessions/{ID}/audio")).await.json()["code"], "no_audio");
    client.say(&ClientMessage::Bye).await;
    until(&relay, "/v1/sessions", |answer| answer["sessions"] == json!([])).await;
}

/// Files that have any of the words.
fn files_with(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, words));
        } else {
            let bytes = fs::read(&path).unwrap();
            let has = |word: &&str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
            if words.iter().any(has) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test]
async fn after_a_deletion_a_search_of_the_data_folder_finds_no_word() {
    let folder = tempfile::tempdir().unwrap();
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    let mut client = talk(&relay, 1, None).await;
    events(&relay, ID, 4).await;
    let path = format!("/v1/sessions/{ID}");
    assert!(!files_with(folder.path(), &["second"]).is_empty(), "the search finds what is there");

    let refused = ask(relay.local_addr(), "DELETE", &path, "").await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("session_live")));
    assert_eq!(ask(relay.local_addr(), "DELETE", &format!("{path}?end=true"), "").await.status, 204);
    let (messages, code) = client.until_closed().await;
    assert_eq!(code, Some(4403));
    assert!(
        messages.iter().any(
            |message| matches!(message, RelayMessage::Error(report) if report.code == "session_deleted")
        )
    );

    assert_eq!(get(relay.local_addr(), &path).await.status, 404);
    assert_eq!(files_with(folder.path(), &["second", ID]), Vec::<String>::new());
    assert_eq!(ask(relay.local_addr(), "DELETE", &path, "").await.status, 404);
}

#[tokio::test]
async fn one_life_of_a_session_is_deleted_without_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    let path = format!("/v1/sessions/{ID}");
    let mut epochs = Vec::new();
    for _ in 0..2 {
        let mut client = talk(&relay, 1, None).await;
        client.say(&ClientMessage::Bye).await;
        let newer = |answer: &Value| answer["state"] == "over" && !epochs.contains(&answer["epoch"]);
        let epoch = until(&relay, &path, newer).await["epoch"].clone();
        epochs.push(epoch);
    }
    let address = relay.local_addr();
    assert_eq!(ask(address, "DELETE", &format!("{path}?epoch={}", epochs[0]), "").await.status, 204);
    assert_eq!(get(address, &format!("{path}?epoch={}", epochs[0])).await.status, 404);
    assert_eq!(get(address, &format!("{path}/audio?epoch={}", epochs[1])).await.status, 200);
    assert_eq!(fs::read_dir(folder.path().join("archive")).unwrap().count(), 1);
}

/// A catalogue that was lost, with the files there.
async fn lose_the_database(folder: &TempDir, builder: RelayBuilder) -> RelayHandle {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(folder.path().join(format!("relay.db{suffix}")));
    }
    builder.data(folder.path()).start().await.unwrap()
}

async fn transcripts(relay: &RelayHandle, ids: &[&str]) -> Vec<String> {
    let mut texts = Vec::new();
    for id in ids {
        let answer = get(relay.local_addr(), &format!("/v1/sessions/{id}/transcript?format=vtt")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        texts.push(answer.text());
    }
    texts
}

#[tokio::test]
async fn a_lost_database_is_made_again_from_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    let mut over = talk(&relay, 1, None).await;
    let other = "00000000000000000000000000000002";
    let live = talk(&relay, 2, None).await;
    over.say(&ClientMessage::Bye).await;
    until(&relay, &format!("/v1/sessions/{ID}"), says("over")).await;
    events(&relay, other, 4).await;
    let before = transcripts(&relay, &[ID, other]).await;
    assert!(before[0].contains("second"));
    drop(live);
    relay.shutdown().await;

    let relay = lose_the_database(&folder, with_engine()).await;
    until(&relay, &format!("/v1/sessions/{ID}"), says("over")).await;
    events(&relay, other, 4).await;
    events(&relay, ID, 4).await;
    assert_eq!(transcripts(&relay, &[ID, other]).await, before);
    assert_eq!(get(relay.local_addr(), &format!("/v1/sessions/{ID}/audio")).await.status, 200);
}

#[cfg(unix)]
#[tokio::test]
async fn with_its_database_gone_at_runtime_link_and_captions_go_on_and_it_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    let mut client = talk(&relay, 1, None).await;
    events(&relay, ID, 4).await;
    // Nobody can make it again as long as a folder has its name.
    fs::remove_file(folder.path().join("relay.db")).unwrap();
    fs::create_dir(folder.path().join("relay.db")).unwrap();
    let refused = |answer: &Answer| answer.status == 503 && answer.text().contains("database");
    eventually("/readyz says so", async || {
        // It is there, however long this takes.
        client.say(&ClientMessage::Ping { id: 1 }).await;
        refused(&get(relay.local_addr(), "/readyz").await).then_some(())
    })
    .await;
    client.say(&ClientMessage::Open(stream(2, 0))).await;
    client.audio(2, 0, 200).await;
    // In either order.
    let is_kept = |message: &RelayMessage| {
        matches!(message, RelayMessage::Kept { stream: StreamId(2), next: FrameIndex(200) })
    };
    let is_said =
        |message: &RelayMessage| matches!(message, RelayMessage::Transcript { number, .. } if number.0 == 5);
    let heard = client.until_all(is_kept).await;
    if !heard.iter().any(is_said) {
        client.until(is_said).await;
    }
    let mut newcomer = talk(&relay, 3, None).await;
    newcomer.say(&ClientMessage::Bye).await;

    fs::remove_dir(folder.path().join("relay.db")).unwrap();
    events(&relay, ID, 5).await;
    until(&relay, "/v1/sessions/00000000000000000000000000000003", says("over")).await;
    assert_eq!(get(relay.local_addr(), "/readyz").await.status, 200);
}

#[tokio::test]
async fn at_the_start_a_relay_without_its_database_serves_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("relay.db")).unwrap();
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    assert_eq!(get(relay.local_addr(), "/readyz").await.status, 503);
    let unavailable = get(relay.local_addr(), "/v1/sessions").await;
    assert_eq!((unavailable.status, &unavailable.json()["code"]), (503, &json!("database_unavailable")));
    let _client = talk(&relay, 1, None).await;
    fs::remove_dir(folder.path().join("relay.db")).unwrap();
    events(&relay, ID, 4).await;
    assert_eq!(get(relay.local_addr(), "/readyz").await.status, 200);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn files_of_a_session_that_no_task_has_are_taken_up_again() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stray = with_engine().data(other.path()).start().await.unwrap();
    drop(talk(&stray, 1, None).await);
    stray.shutdown().await;
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    // As a session whose task died leaves them.
    copy(&other.path().join("sessions").join(ID), &folder.path().join("sessions").join(ID));
    // It looks each minute, and when its database was made again.
    fs::remove_file(folder.path().join("relay.db")).unwrap();
    let found = until(&relay, &format!("/v1/sessions/{ID}"), says("waiting")).await;
    assert_eq!(found["live"]["last_event"], 4, "it is live again");
    events(&relay, ID, 4).await;
}

#[tokio::test]
async fn rows_without_files_and_files_half_deleted_are_gone_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    let mut client = talk(&relay, 1, None).await;
    client.say(&ClientMessage::Bye).await;
    until(&relay, &format!("/v1/sessions/{ID}"), says("over")).await;
    relay.shutdown().await;
    // As a relay leaves it that dies while it deletes.
    fs::rename(folder.path().join("archive"), folder.path().join("deleting")).unwrap();
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    until(&relay, "/v1/sessions", |answer| answer["sessions"] == json!([])).await;
    // The rows go first; what was in their place is wiped a moment later.
    eventually("every file is wiped", async || {
        files_with(folder.path(), &["second"]).is_empty().then_some(())
    })
    .await;
}

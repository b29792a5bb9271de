//! The commands about who is let in, beside a relay that runs.

mod support;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::http::send;
use support::program::{Served, TOKEN, program};
use support::{Client, eventually, hello, request};

fn run(data: &Path, arguments: &[&str]) -> Output {
    program().args(arguments).arg("--data").arg(data).output().unwrap()
}

fn json(data: &Path, arguments: &[&str]) -> Value {
    let Output { status, stdout, stderr } = run(data, &[arguments, &["--json"]].concat());
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

fn serve(data: &Path) -> Served {
    Served::start(&["--engine", "none", "--token", TOKEN, "--data", data.to_str().unwrap()])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_added_is_let_in_and_one_that_is_revoked_is_out_at_once() {
    let data = tempfile::tempdir().unwrap();
    let relay = serve(data.path());
    let added = json(data.path(), &["apps", "add", "captions"]);
    let key = added["key"].as_str().unwrap();
    let mut client =
        eventually("the relay notices", async || Client::connect(request(&relay.url, Some(key))).await.ok())
            .await;
    client.greet(hello(1)).await;
    let listed = json(data.path(), &["apps", "list"]);
    assert_eq!((listed[0]["name"].as_str(), listed[0]["keys"].as_u64()), (Some("captions"), Some(1)));
    json(data.path(), &["apps", "revoke", "captions"]);
    let revoked = Instant::now();
    assert_eq!(client.until_closed().await.1, Some(4401));
    // Within a second, where nothing else loads the machine.
    if std::env::var_os("GLASSLINK_NIGHTLY").is_some() {
        assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
    }
    let audit = run(data.path(), &["audit", "--json"]);
    let audit = String::from_utf8(audit.stdout).unwrap();
    let events: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for event in ["relay_started", "app_added", "app_revoked"] {
        assert!(events.iter().any(|entry| entry["event"] == event), "{event}: {audit}");
    }
    assert!(!audit.contains(key), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pair_shows_what_to_scan_or_type_and_says_who_came() {
    let data = tempfile::tempdir().unwrap();
    let relay = serve(data.path());
    let mut pair = program();
    pair.args(["pair", "--json", "--data"]).arg(data.path()).stdout(Stdio::piped());
    let mut pair = pair.spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(pair.stdout.take().unwrap()));
    let offer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(offer["url"], relay.url.as_str());
    assert!(offer["uri"].as_str().unwrap().starts_with("glasslink://pair?v=1&url="), "{offer}");
    assert_eq!((offer["code"].as_str().unwrap().len(), offer["seconds"].as_u64()), (9, Some(300)));
    let uri: glasslink_protocol::pairing::PairingOffer = offer["uri"].as_str().unwrap().parse().unwrap();
    let body =
        serde_json::json!({ "secret": serde_json::to_value(&uri.secret).unwrap(), "name": "Ann's phone" });
    let address = relay.url.trim_start_matches("http://").parse().unwrap();
    let answer = send(address, "POST", "/v1/pair/qr", "", &body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let said: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(said["paired"]["name"], "Ann's phone");
    assert!(pair.wait().unwrap().success());
    let id = said["paired"]["id"].as_str().unwrap();
    assert_eq!(
        json(data.path(), &["devices", "rename", id, "Ann's other phone"])["name"],
        "Ann's other phone"
    );
    assert!(json(data.path(), &["devices", "revoke", "Ann's other phone"])["revoked_ms"].is_number());
    assert!(json(data.path(), &["devices", "list"])[0]["revoked_ms"].is_number());
}

#[tokio::test(flavor = "multi_thread")]
async fn lockdown_closes_exports_and_says_what_to_do_next() {
    let data = tempfile::tempdir().unwrap();
    let relay = serve(data.path());
    let mut client = Client::connect(request(&relay.url, Some(TOKEN))).await.unwrap();
    client.greet(hello(1)).await;
    let out = data.path().join("audit.jsonl");
    let locked = run(data.path(), &["lockdown", "--out", out.to_str().unwrap()]);
    let said = String::from_utf8(locked.stdout).unwrap();
    assert!(
        locked.status.success() && said.contains("put a new token") && said.contains("glasslink-relay pair"),
        "{said}"
    );
    assert_eq!(client.until_closed().await.1, Some(4401));
    assert!(std::fs::read_to_string(out).unwrap().contains(r#""event":"lockdown""#));
}

#[test]
fn what_is_wrong_is_one_sentence() {
    let data = tempfile::tempdir().unwrap();
    let fails = |arguments: &[&str]| {
        let Output { status, stderr, .. } = run(data.path(), arguments);
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!((status.code(), said.lines().count()), (Some(2), 1), "{said}");
        said
    };
    assert!(fails(&["devices", "list"]).contains("no relay ever ran with this folder"));
    drop(serve(data.path()));
    assert!(fails(&["devices", "revoke", "nobody"]).contains("nobody is known as"));
    assert!(fails(&["apps", "add", " "]).contains("1 to 64 characters"));
}

//! What the program tells Prometheus, after it has done something.

mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use glasslink_protocol::{ClientMessage, FrameIndex, Gap, GapCause, RelayMessage, StreamId};
use glasslink_relay::Relay;
use support::http::{ask, get};
use support::program::Served;
use support::{Client, eventually, hello, lc3, stream};

#[tokio::test]
async fn every_figure_of_the_table_is_there_after_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Served::start(&["--engine", "none", "--data", folder.path().to_str().unwrap()]);
    let address: SocketAddr = relay.url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut client = Client::plain(&relay.url).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 100).await;
    let gap = Gap::new(StreamId(1), FrameIndex(100), FrameIndex(200), GapCause::Overflow, &lc3());
    client.say(&ClientMessage::Gap(gap)).await;
    client.until(|message| matches!(message, RelayMessage::Kept { next: FrameIndex(200), .. })).await;
    client.say(&ClientMessage::Bye).await;
    client.until_closed().await;
    eventually("the session is over", async || {
        let over = get(address, "/v1/sessions?state=over").await.json();
        (!over["sessions"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;

    let told = get(address, "/metrics").await;
    assert!(told.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = told.text();
    let kinds: BTreeMap<_, _> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let table = include_str!("../METRICS.md").lines().filter(|line| line.starts_with("| `glasslink_"));
    for row in table {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let kind = kinds.get(cells[1]).unwrap_or_else(|| panic!("{} is not there", cells[1]));
        assert_eq!(kind.replace("summary", "histogram"), cells[2], "{row}");
    }
    let value =
        |line: &str| text.lines().find_map(|told| told.strip_prefix(line)?.trim().parse::<f64>().ok());
    assert_eq!(value("glasslink_relay_frames_received_total "), Some(100.0));
    assert_eq!(value("glasslink_relay_gap_frames_total{cause=\"overflow\"} "), Some(100.0));
    assert_eq!(value("glasslink_relay_database_up "), Some(1.0));
    assert_eq!(value("glasslink_relay_sessions_over_total "), Some(1.0));
}

#[tokio::test]
async fn figures_are_for_the_owner_and_this_machine_unless_the_operator_opens_them() {
    let builder =
        || Relay::builder().token("owner's").named_token("ann", "ann's").metrics(|| "figures\n".into());
    let relay = builder().start().await.unwrap();
    let address = relay.local_addr();
    let proxied = "X-Forwarded-For: 192.0.2.1\r\n";
    assert_eq!(get(address, "/metrics").await.text(), "figures\n");
    assert_eq!(ask(address, "GET", "/metrics", proxied).await.status, 401);
    let with = |token: &str| format!("{proxied}Authorization: Bearer {token}\r\n");
    assert_eq!(ask(address, "GET", "/metrics", &with("ann's")).await.status, 403);
    assert_eq!(ask(address, "GET", "/metrics", &with("owner's")).await.status, 200);
    let open = builder().open_metrics().start().await.unwrap();
    assert_eq!(ask(open.local_addr(), "GET", "/metrics", proxied).await.status, 200);
}

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Awareness;
use crate::{Event, Happening, Link, LinkState};

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(20);

/// A port that nobody listens on.
async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

// SPEC P6.5
#[tokio::test]
async fn a_network_that_comes_up_ends_the_wait() {
    let (network, changes) = watch::channel(());
    let config = crate::ClientConfig {
        // So long that nothing but the network ends it.
        backoff_base: Duration::from_hours(1),
        backoff_cap: Duration::from_hours(1),
        ..crate::ClientConfig::default()
    };
    let builder = Link::builder(closed_port().await).config(config).seed(3);
    let (link, mut events) = builder.watching(changes).connect().unwrap();
    let mut attempt = async |number: u32| {
        let attempted = async {
            loop {
                match events.next().await.unwrap() {
                    Ok(Event::State(LinkState::Connecting { attempt })) if attempt == number => break,
                    _ => {}
                }
            }
        };
        timeout(SOON, attempted).await.is_ok()
    };
    assert!(attempt(2).await, "the immediate retry");
    network.send_replace(());
    assert!(attempt(3).await, "at once");
    assert!(attempt(4).await, "and once more, when there are routes");
    let timeline = link.link_timeline();
    assert!(timeline.entries.iter().any(|entry| entry.what == Happening::NetworkUp));
}

/// Set for the test below when it runs on a host of its own.
const ON_ITS_OWN_HOST: &str = "GLASSLINK_ON_ITS_OWN_HOST";

// SPEC P6.5
#[tokio::test]
async fn the_system_tells_of_an_interface_that_comes_up() {
    if std::env::var_os(ON_ITS_OWN_HOST).is_some() {
        sees_an_interface_come_up().await;
        return;
    }
    let host = format!("glasslink-watch-{}", std::process::id());
    let ip = |arguments: &[&str]| {
        let run = Command::new("ip").args(arguments).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    if !ip(&["netns", "add", &host]) {
        println!("skipped: a host of its own needs Linux, `ip` and root");
        return;
    }
    let test = std::thread::current().name().unwrap().to_owned();
    let run = Command::new("ip")
        .args(["netns", "exec", &host])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(ON_ITS_OWN_HOST, "1")
        .output();
    ip(&["netns", "del", &host]);
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

async fn sees_an_interface_come_up() {
    let mut awareness = Awareness::of_system();
    assert!(awareness.changes.is_some(), "the system tells of its interfaces");
    for arguments in [
        "link add wire type veth peer name far",
        "address add 10.78.0.1/24 dev wire",
        "link set far up",
        "link set wire up",
    ] {
        let run = Command::new("ip").args(arguments.split(' ')).status().unwrap();
        assert!(run.success(), "ip {arguments}");
    }
    let nudge = timeout(SOON, awareness.next(false)).await.expect("it is told");
    assert_eq!(nudge, super::Nudge::NetworkUp);
}

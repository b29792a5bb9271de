//! Outages so long that nobody would wait for what was said meanwhile, between real processes, over TLS.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use glasslink_e2e::{Line, Scene, leeway};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(30);

/// A recording whose relay is away for `outage`: what is said when it is back does not wait for what was said before.
fn a_long_outage(outage: Duration, session: Session) {
    let folder = TempDir::new().expect("there is room for a recording");
    let journal = format!("--journal={}", folder.path().display());
    let mut scene = Scene::new(Path::new(env!("CARGO_BIN_EXE_probe")), 1, Duration::ZERO, &[&journal]);
    let flows = |line: &Line| line.json["kept"].as_u64().is_some_and(|kept| kept > 100);
    scene.probe.wait(0, SOON, flows).expect("audio flows");
    let from = scene.probe.said();
    let (rule, _) = scene.cut(0);
    thread::sleep(outage);
    scene.mend(0, &[rule]);
    scene.probe.tell("network", None);
    let live = scene.live(0, from, SOON);
    let newest = |line: &Line| line.json["kept"].is_u64() && line.number("stream") > 1;
    let heard = scene.probe.wait(from, SOON, newest).expect("what is said now is heard").at - live.at;
    let filling = Instant::now();
    let last = |line: &Line| line.json["stream_kept"] == 1;
    scene.probe.wait(from, outage / 2 + SOON, last).expect("what was said before is filled in");
    let filled = filling.elapsed();
    let ledger = scene.finish(0);
    println!(
        "outage of {outage:?}: what is said now is heard after {heard:?}, what was said before after {filled:?}; {}",
        ledger.json
    );
    assert!(heard <= Duration::from_secs(3) + leeway(), "{heard:?}");
    assert_eq!(ledger.number("lost"), 0);
    let epochs = scene.probe.lines(0).iter().filter(|line| line.json["epoch"].is_u64()).count();
    assert_eq!(epochs, if session == Session::Gone { 2 } else { 1 });
}

/// Whether the relay kept the session meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Session {
    There,
    Gone,
}

// SPEC P3.5
#[test]
#[ignore = "9 minutes of outage: cargo xtask nightly"]
fn after_9_minutes_what_is_said_now_is_heard_in_3_s() {
    a_long_outage(Duration::from_mins(9), Session::There);
}

// SPEC P3.5 P8.3
#[test]
#[ignore = "12 minutes of outage: cargo xtask nightly"]
fn after_12_minutes_too_in_another_epoch() {
    a_long_outage(Duration::from_mins(12), Session::Gone);
}

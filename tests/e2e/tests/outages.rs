//! Outages between real processes, over TLS. They mostly wait: `cargo xtask test --all` runs them side by side, as does
//! `cargo test -p glasslink-e2e --test outages -- --include-ignored --test-threads 16 --nocapture`. What is measured is
//! held to the promise itself where `GLASSLINK_NIGHTLY` is set, and elsewhere to a little more.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use glasslink_e2e::{Line, Scene, leeway, percentile};
use glasslink_faults::{By, Direction, Event, Fault, How, Rule, What};

const PROBE: &str = env!("CARGO_BIN_EXE_probe");

/// The longest pause between two attempts.
const CAP: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What the buffer holds.
const BUFFER: Duration = Duration::from_secs(90);

/// Added each way where round trips are counted.
const LATENCY: Duration = Duration::from_millis(25);
const FOUR_ROUND_TRIPS: Duration = LATENCY.saturating_mul(8);

/// Two cores that serve a hundred ends at once.
const SLACK: Duration = Duration::from_millis(250);

/// Cuts that a figure is made of, a link each, and the time between two.
const CUTS: usize = 50;
const BETWEEN_CUTS: Duration = Duration::from_millis(200);

const SOON: Duration = Duration::from_secs(30);

fn scene(links: usize, latency: Duration) -> Scene {
    Scene::new(Path::new(PROBE), links, latency, &[])
}

/// Audio has flowed for a while.
fn settle(scene: &Scene, link: usize) {
    let kept = |line: &Line| line.is_of(link) && line.json["kept"].as_u64().is_some_and(|kept| kept > 100);
    assert!(scene.probe.wait(0, SOON, kept).is_some(), "audio flows");
}

fn nothing_is_lost(outage: Duration) {
    let mut scene = scene(1, Duration::ZERO);
    settle(&scene, 0);
    let from = scene.probe.said();
    let (rule, _) = scene.cut(0);
    thread::sleep(outage);
    let mended = scene.mend(0, &[rule]);
    let live = scene.live(0, from, CAP + SOON);
    let ledger = scene.finish(0);
    let captured = ledger.number("captured");
    assert!(captured as u128 * 10 >= outage.as_millis(), "capture went on: {}", ledger.json);
    assert_eq!((ledger.number("acknowledged"), ledger.number("lost")), (captured, 0), "{}", ledger.json);
    assert!(scene.gaps(0).is_empty());
    println!("outage of {outage:?}: {captured} frames, none lost; live {:?} after it", live.at - mended);
}

// SPEC P3.1
#[test]
fn an_outage_of_1_s_loses_nothing() {
    nothing_is_lost(Duration::from_secs(1));
}

// SPEC P3.1
#[test]
#[ignore = "10 s of outage"]
fn an_outage_of_10_s_loses_nothing() {
    nothing_is_lost(Duration::from_secs(10));
}

// SPEC P3.1
#[test]
#[ignore = "59 s of outage"]
fn an_outage_of_59_s_loses_nothing() {
    nothing_is_lost(Duration::from_secs(59));
}

// SPEC P4.1
#[test]
#[ignore = "2 minutes of outage"]
fn an_outage_of_120_s_is_one_gap_as_long_as_the_time_until_live_less_the_buffer() {
    let mut scene = scene(1, Duration::ZERO);
    settle(&scene, 0);
    let from = scene.probe.said();
    let (rule, cut) = scene.cut(0);
    thread::sleep(Duration::from_mins(2));
    scene.mend(0, &[rule]);
    let live = scene.live(0, from, CAP + SOON);
    let ledger = scene.finish(0);
    let told: Vec<_> = scene.gaps(0);
    let missing = (live.at - cut).saturating_sub(BUFFER);
    let (begin, end) = (told.first().expect("it is told"), told.last().expect("it is told"));
    // What goes while nothing is connected is told as it goes; it is one gap, without a hole.
    assert!(told.windows(2).all(|two| two[0].number("to") == two[1].number("from")), "{told:?}");
    let lost = end.number("to") - begin.number("from");
    assert_eq!(lost, ledger.number("lost"));
    let gap = Duration::from_millis(lost * 10);
    println!("outage of 120 s: live after {:?}, {gap:?} missing; {}", live.at - cut, ledger.json);
    // Frames that were sent and not yet kept when the link broke are as old as that.
    let off = gap.abs_diff(missing);
    assert!(off < Duration::from_secs(2) + leeway(), "{gap:?} are missing, not {missing:?}");
    // What was kept and not transcribed, for want of an engine, is told as well.
    let transcript_gap = |line: &Line| line.json["transcript_gap"] == begin.json["gap"];
    let in_transcript: Vec<Line> = scene.probe.lines(0).into_iter().filter(transcript_gap).collect();
    assert_eq!(in_transcript.len(), 1, "{in_transcript:?}");
    assert_eq!(in_transcript[0].number("ms"), lost * 10);
}

/// How long a black hole goes unnoticed.
fn noticed(arguments: &[&str], within: Duration) {
    let scene = Scene::new(Path::new(PROBE), 1, Duration::ZERO, arguments);
    if arguments.is_empty() {
        settle(&scene, 0);
    }
    let from = scene.probe.said();
    let began = Instant::now();
    let hole = scene.proxies[0].add(Rule::new(Fault::BlackHole));
    let gone = |line: &Line| line.is_of(0) && line.json["state"].is_string();
    let noticed = scene.probe.wait(from, SOON, gone).expect("it is noticed").at - began;
    println!("half-open, {arguments:?}: noticed after {noticed:?}");
    assert!(noticed <= within + leeway(), "{noticed:?}");
    scene.proxies[0].remove(hole);
    scene.live(0, from, CAP + CONNECT_TIMEOUT + SOON);
}

// SPEC P7.1
#[test]
fn a_link_that_is_half_open_is_noticed_within_2_s_while_streaming() {
    noticed(&[], Duration::from_secs(2));
}

// SPEC P7.1
#[test]
#[ignore = "10 s of silence"]
fn a_link_that_is_half_open_is_noticed_within_10_s_when_idle() {
    noticed(&["--idle"], Duration::from_secs(10));
}

#[test]
#[ignore = "a connect timeout"]
fn a_relay_that_accepts_and_never_answers_costs_the_connect_timeout_and_no_frame() {
    let mut scene = scene(1, Duration::ZERO);
    settle(&scene, 0);
    let from = scene.probe.said();
    let silent = scene.proxies[0].add(Rule::new(Fault::BlackHole).times(1));
    let began = Instant::now();
    scene.proxies[0].close_all(How::Reset);
    let live = scene.live(0, from, CONNECT_TIMEOUT + CAP + SOON);
    let took = live.at - began;
    println!("silent relay: live after {took:?}");
    assert!(took >= CONNECT_TIMEOUT, "{took:?}");
    assert!(took < CONNECT_TIMEOUT + Duration::from_secs(3) + leeway(), "{took:?}");
    scene.proxies[0].remove(silent);
    let ledger = scene.finish(0);
    assert_eq!(ledger.number("lost"), 0, "{}", ledger.json);
}

#[test]
#[ignore = "a cut in every place takes its time"]
fn cuts_inside_a_frame_lose_and_double_nothing() {
    let mut scene = scene(1, Duration::ZERO);
    settle(&scene, 0);
    // The first of them in the handshake, the last after seconds of audio.
    for bytes in [100, 700, 1_501, 2_003, 4_007, 9_001] {
        for direction in [Direction::Up, Direction::Down] {
            let proxy = &scene.proxies[0];
            let (before, from) = (proxy.last(), scene.probe.said());
            let rule = proxy.add(Rule::new(Fault::Reset).after_bytes(direction, bytes).times(1));
            proxy.close_all(How::Reset);
            let cut =
                |event: &Event| matches!(event.what, What::Closed { by: By::Rule(by), .. } if by == rule);
            scene.event(proxy, before, cut);
            proxy.remove(rule);
            // Without this, twelve pauses in a row are longer than the buffer.
            scene.probe.tell("network", None);
            scene.live(0, from, SOON);
            let kept = |line: &Line| line.json["kept"].is_u64();
            assert!(scene.probe.wait(from, SOON, kept).is_some(), "audio flows");
        }
    }
    let ledger = scene.finish(0);
    assert_eq!(ledger.number("lost"), 0, "{}", ledger.json);
}

/// Prints what the figure is, and compares it.
fn within(name: &str, times: &[Duration], half: Duration, nearly_all: Duration) {
    let (p50, p99) = (percentile(times, 50), percentile(times, 99));
    println!(
        "{name}: {} cuts, live again p50 {p50:?} (at most {half:?}), p99 {p99:?} (at most {nearly_all:?})",
        times.len()
    );
    assert!(p50 <= half + leeway(), "{name}: p50 {p50:?}");
    assert!(p99 <= nearly_all + leeway(), "{name}: p99 {p99:?}");
}

#[test]
#[ignore = "fifty cuts"]
fn after_a_reset_with_the_relay_up_the_link_is_live_again_at_once() {
    let mut scene = scene(CUTS, LATENCY);
    settle(&scene, CUTS - 1);
    let mut times = Vec::new();
    for link in 0..CUTS {
        let from = scene.probe.said();
        let began = Instant::now();
        scene.proxies[link].close_all(How::Reset);
        times.push(scene.live(link, from, SOON).at - began);
    }
    for link in [0, CUTS - 1] {
        assert_eq!(scene.finish(link).number("lost"), 0);
    }
    let (half, all) = (Duration::from_millis(250), Duration::from_secs(1));
    within("reset, relay up", &times, FOUR_ROUND_TRIPS + half, FOUR_ROUND_TRIPS + all);
}

/// Links that are cut one after the other and mended `outage` later. How long each then takes until it is live.
fn after_outages(outage: Duration, fault: Fault, reported: bool) -> Vec<Duration> {
    let mut scene = scene(CUTS, LATENCY);
    settle(&scene, CUTS - 1);
    let began = Instant::now();
    let at = |link: usize| began + BETWEEN_CUTS * link as u32;
    let sleep_until = |at: Instant| thread::sleep(at.saturating_duration_since(Instant::now()));
    let mut rules = Vec::new();
    let mut mended = Vec::new();
    let from = scene.probe.said();
    // Cuts of later links fall between the mends of earlier ones.
    let mut next = (0, 0);
    while next.1 < CUTS {
        if next.0 < CUTS && at(next.0) <= at(next.1) + outage {
            sleep_until(at(next.0));
            rules.push(if fault == Fault::BlackHole {
                // Neither what is open nor what is opened gets through.
                let faults = [Fault::BlackHole, Fault::Unanswered];
                faults.map(|fault| scene.proxies[next.0].add(Rule::new(fault))).to_vec()
            } else {
                vec![scene.cut(next.0).0]
            });
            next.0 += 1;
        } else {
            sleep_until(at(next.1) + outage);
            mended.push(scene.mend(next.1, &rules[next.1]));
            if reported {
                scene.probe.tell("network", Some(next.1));
            }
            next.1 += 1;
        }
    }
    let live = |(link, mended): (usize, Instant)| {
        let is_live = |line: &Line| line.is_state(link, "live") && line.at >= mended;
        scene.probe.wait(from, CAP + CONNECT_TIMEOUT + SOON, is_live).expect("it comes back").at - mended
    };
    mended.into_iter().enumerate().map(live).collect()
}

// SPEC P6.5
#[test]
#[ignore = "30 s of outage"]
fn once_the_network_is_reported_up_the_link_is_live_at_once() {
    let times = after_outages(Duration::from_secs(30), Fault::Refuse, true);
    let (half, all) = (Duration::from_millis(250), Duration::from_secs(1));
    within("network up, reported", &times, FOUR_ROUND_TRIPS + half, FOUR_ROUND_TRIPS + all);
}

#[test]
#[ignore = "30 s of outage"]
fn after_an_outage_nobody_reported_the_link_is_live_within_the_cap() {
    let times = after_outages(Duration::from_secs(30), Fault::Refuse, false);
    within("outage, unreported", &times, CAP / 2 + FOUR_ROUND_TRIPS, CAP + FOUR_ROUND_TRIPS + SLACK);
}

#[test]
#[ignore = "30 s of outage"]
fn after_a_black_hole_the_link_is_live_within_the_cap_and_the_connect_timeout() {
    let times = after_outages(Duration::from_secs(30), Fault::BlackHole, false);
    let all = CAP + CONNECT_TIMEOUT + FOUR_ROUND_TRIPS + SLACK;
    within("black hole", &times, all, all);
}

#[test]
#[ignore = "a minute of outage, and 20 s"]
fn a_backlog_of_60_s_is_gone_in_20() {
    let mut scene = scene(1, Duration::ZERO);
    settle(&scene, 0);
    let from = scene.probe.said();
    let (rule, _) = scene.cut(0);
    thread::sleep(Duration::from_mins(1));
    scene.probe.tell("pause", None);
    scene.mend(0, &[rule]);
    scene.probe.tell("network", None);
    let live = scene.live(0, from, SOON);
    let ledger = scene.finish(0);
    let took = ledger.at - live.at;
    println!("backlog of 60 s: drained in {took:?}; {}", ledger.json);
    assert_eq!(ledger.number("lost"), 0);
    assert!(took <= Duration::from_secs(20) + leeway(), "{took:?}");
}

// SPEC P13.1
#[test]
#[ignore = "40 s of standstill"]
fn the_13_minute_spiral_a_client_too_busy_to_answer_for_40_s_recovers_in_one_attempt() {
    let mut scene = scene(1, Duration::ZERO);
    settle(&scene, 0);
    let from = scene.probe.said();
    let before = scene.proxies[0].last();
    scene.probe.signal("-STOP");
    thread::sleep(Duration::from_secs(40));
    let woken = Instant::now();
    scene.probe.signal("-CONT");
    // Either nothing was lost with the connection, or one attempt brings it back.
    let flows =
        |line: &Line| line.is_of(0) && line.json["kept"].is_u64() && line.at > woken + Duration::from_secs(5);
    assert!(scene.probe.wait(from, CAP + SOON, flows).is_some(), "audio flows");
    let states: Vec<String> = scene
        .probe
        .lines(from)
        .iter()
        .filter_map(|line| line.json["state"].as_str().map(Into::into))
        .collect();
    let accepted = scene.proxies[0].events(before);
    let attempts = accepted.iter().filter(|event| event.what.name() == "accepted").count();
    println!("spiral: {attempts} attempts; {states:?}");
    assert!(attempts <= 1, "{states:?}");
    assert!(states.iter().filter(|state| *state == "live").count() <= 1, "{states:?}");
    let ledger = scene.finish(0);
    assert_eq!(ledger.number("lost"), 0, "{}", ledger.json);
    assert!(ledger.number("absent") >= 3_900, "{}", ledger.json);
}

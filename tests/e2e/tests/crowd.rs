//! A crowd whose relay goes and comes back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use glasslink_e2e::{Certificate, Line, Probe, RelayProcess, percentile};

const CLIENTS: usize = 2_000;
const PROCESSES: usize = 4;
const DOWN: Duration = Duration::from_secs(5);
const ALL_LIVE: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_mins(3);

/// Waits until each link of a process was live at `since` or later. When that was.
fn live(probe: &Probe, since: Instant) -> Vec<Instant> {
    let each = CLIENTS / PROCESSES;
    let mut live = BTreeMap::new();
    let mut seen = 0;
    let until = Instant::now() + PATIENCE;
    while live.len() < each {
        let is_live = |line: &Line| line.json["state"] == "live" && line.at >= since;
        let left = until.saturating_duration_since(Instant::now());
        assert!(probe.wait(seen, left, is_live).is_some(), "{} of {each} are live", live.len());
        let lines = probe.lines(seen);
        seen += lines.len();
        live.extend(lines.iter().filter(|line| is_live(line)).map(|line| (line.number("client"), line.at)));
    }
    live.into_values().collect()
}

// SPEC P6.2
#[test]
#[ignore = "2,000 clients: cargo xtask nightly"]
fn two_thousand_clients_are_live_again_within_30_s_of_their_relays_restart() {
    let (certificate, folder) = (Certificate::new(), tempfile::tempdir().unwrap());
    let (data, no_model) = (folder.path().join("data"), folder.path().join("none"));
    std::fs::create_dir(&data).unwrap();
    let mut relay = RelayProcess::keeping_with_tls(&certificate, &data, &no_model);
    let began = Instant::now();
    let arguments = ["--idle".to_owned(), format!("--links={}", CLIENTS / PROCESSES)];
    let start = |_| {
        let program = Path::new(env!("CARGO_BIN_EXE_probe"));
        Probe::start(program, relay.address(), &certificate.certificate(), &arguments)
    };
    let probes: Vec<Probe> = (0..PROCESSES).map(start).collect();
    for probe in &probes {
        live(probe, began);
    }
    println!("{CLIENTS} clients are live after {:?}", began.elapsed());
    let killed = Instant::now();
    relay.kill_and_restart(DOWN);
    let back = Instant::now();
    let times: Vec<Duration> =
        probes.iter().flat_map(|probe| live(probe, back)).map(|at| at - back).collect();
    let mut attempts = BTreeMap::new();
    for probe in &probes {
        for line in probe.lines(0) {
            if line.json["state"] == "connecting" && line.at >= killed {
                *attempts.entry((line.at - killed).as_secs()).or_insert(0_u32) += 1;
            }
        }
    }
    println!("attempts, by the second since the relay was killed; it was back after {:?}", back - killed);
    for (second, count) in &attempts {
        println!("{second:>4} s {count:>6} {}", "#".repeat((*count as usize).div_ceil(40)));
    }
    let (half, last) = (percentile(&times, 50), percentile(&times, 100));
    println!("live again: p50 {half:?}, the last of {CLIENTS} {last:?} after the relay was back");
    assert!(last <= ALL_LIVE, "{last:?}");
    // After the first two retries nobody comes with the crowd.
    let later = attempts.range(3..).map(|(_, count)| *count).max().unwrap_or_default();
    assert!(later as usize <= CLIENTS, "{later} attempts in one second");
}

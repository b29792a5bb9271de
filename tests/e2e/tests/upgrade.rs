//! A relay that is replaced by the next version under its clients, as a package or `systemctl restart` does it.

use std::path::Path;
use std::time::Duration;

use glasslink_e2e::{Certificate, Line, Probe, RelayProcess};

const PATIENCE: Duration = Duration::from_mins(2);

fn links() -> u64 {
    if std::env::var_os("GLASSLINK_NIGHTLY").is_some() { 200 } else { 20 }
}

/// Waits until that many lines since `from` are of that kind, each of another link. They.
fn each(probe: &Probe, from: usize, links: u64, wanted: impl Fn(&Line) -> bool) -> Vec<Line> {
    (0..links)
        .map(|link| {
            let line = probe.wait(from, PATIENCE, |line| line.is_of(link as usize) && wanted(line));
            line.unwrap_or_else(|| panic!("link {link} of {links}"))
        })
        .collect()
}

// SPEC P8.7
#[test]
fn a_relay_that_is_upgraded_twice_in_place_loses_no_session_and_no_frame() {
    let (certificate, folder) = (Certificate::new(), tempfile::tempdir().unwrap());
    let (data, no_model) = (folder.path().join("data"), folder.path().join("none"));
    std::fs::create_dir(&data).unwrap();
    let mut relay = RelayProcess::keeping_with_tls(&certificate, &data, &no_model);
    let program = Path::new(env!("CARGO_BIN_EXE_probe"));
    let arguments = [format!("--links={}", links())];
    let mut probe = Probe::start(program, relay.address(), &certificate.certificate(), &arguments);
    let is_live = |line: &Line| line.json["state"] == "live";
    each(&probe, 0, links(), is_live);
    let sessions = data_folders(&data);
    for _ in 0..2 {
        let from = probe.said();
        relay.upgrade();
        each(&probe, from, links(), is_live);
        assert_eq!(data_folders(&data), sessions);
    }
    let from = probe.said();
    probe.tell("finish", None);
    let ledgers = each(&probe, from, links(), |line| line.json["finished"].is_string());
    for ledger in &ledgers {
        assert_eq!((ledger.number("lost"), ledger.number("buffered")), (0, 0), "{}", ledger.json);
        assert_eq!(ledger.number("captured"), ledger.number("acknowledged"), "{}", ledger.json);
    }
    let frames: u64 = ledgers.iter().map(|ledger| ledger.number("acknowledged")).sum();
    println!("{} sessions, {frames} frames, 2 upgrades, 0 lost", links());
}

/// The sessions that are alive.
fn data_folders(data: &Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(data.join("sessions")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

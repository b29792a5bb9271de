//! A client whose way to the relay goes and comes, between two hosts of Linux. Wants root.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use glasslink_e2e::{Certificate, Line, Network, Probe, RelayProcess, TOKEN, Wire, leeway};
use tempfile::TempDir;

/// A machine that is busy needs longer than the promise.
const SOON: Duration = Duration::from_secs(30);

fn kept(line: &Line, frames: u64) -> bool {
    line.json["kept"].as_u64().is_some_and(|kept| kept > frames)
}

// SPEC P3.1 P7.1
#[test]
fn one_interface_goes_and_another_comes_and_no_frame_is_lost() {
    let Some(network) = Network::new() else {
        println!("skipped: hosts of their own need Linux, `ip` and root");
        return;
    };
    network.up(Wire::A);
    let (certificate, no_model) = (Certificate::of([network.relay_address()]), TempDir::new().unwrap());
    let relay = RelayProcess::on_host(&network, &certificate, no_model.path());
    let mut command = network.on_client(Path::new(env!("CARGO_BIN_EXE_probe")));
    command.env("GLASSLINK_TOKEN", TOKEN);
    let mut probe = Probe::start_as(command, relay.address(), &certificate.certificate(), &[]);
    probe.wait(0, SOON, |line| kept(line, 100)).expect("audio flows over the first");

    let from = probe.said();
    let gone = Instant::now();
    network.down(Wire::A);
    let noticed = probe.wait(from, SOON, |line| line.json["state"].is_string()).expect("it is noticed");
    println!("the way is gone: noticed after {:?}", noticed.at - gone);
    assert!(noticed.at - gone <= Duration::from_secs(2) + leeway());
    thread::sleep(Duration::from_secs(5).saturating_sub(gone.elapsed()));
    let from = probe.said();
    let back = Instant::now();
    network.up(Wire::B);
    probe.tell("network", None);
    let live = probe.wait(from, SOON, |line| line.is_state(0, "live")).expect("it is live over the other");
    println!("another way is there: live after {:?}", live.at - back);
    assert!(
        live.at - back <= Duration::from_secs(1) + leeway(),
        "an attempt at once, not the next of the back-off"
    );

    probe.wait(from, SOON, |line| kept(line, 1_000)).expect("audio flows over the other");
    probe.tell("finish", None);
    let ledger = probe.wait(from, SOON, |line| line.json["finished"].is_string()).expect("it ends");
    assert_eq!(ledger.number("lost"), 0, "{}", ledger.json);
    assert_eq!(ledger.number("captured"), ledger.number("acknowledged"), "{}", ledger.json);
}

//! The system tells the client of an interface that comes up, and nobody else does. Wants root and Linux.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use glasslink_e2e::{Certificate, Network, Probe, RelayProcess, TOKEN, Wire};
use tempfile::TempDir;

/// A machine that is busy needs longer than the promise.
const SOON: Duration = Duration::from_secs(30);

/// So long without a network that the next attempt is seconds away, most likely.
const OUTAGE: Duration = Duration::from_secs(12);

// SPEC P6.5
#[test]
fn an_interface_that_comes_up_is_noticed_without_being_told() {
    let Some(network) = Network::new() else {
        println!("skipped: hosts of their own need Linux, `ip` and root");
        return;
    };
    network.up(Wire::A);
    let (certificate, no_model) = (Certificate::of([network.relay_address()]), TempDir::new().unwrap());
    let relay = RelayProcess::on_host(&network, &certificate, no_model.path());
    let mut command = network.on_client(Path::new(env!("CARGO_BIN_EXE_probe")));
    command.env("GLASSLINK_TOKEN", TOKEN);
    let probe = Probe::start_as(command, relay.address(), &certificate.certificate(), &[]);
    probe.wait(0, SOON, |line| line.is_state(0, "live")).expect("it is live over the first");

    let from = probe.said();
    network.down(Wire::A);
    probe.wait(from, SOON, |line| line.json["state"].is_string()).expect("it is noticed");
    thread::sleep(OUTAGE);
    let from = probe.said();
    let back = Instant::now();
    network.up(Wire::B);
    let live = probe.wait(from, SOON, |line| line.is_state(0, "live")).expect("it is live over the other");
    println!("an interface came up: live after {:?}", live.at - back);
    if std::env::var_os("GLASSLINK_NIGHTLY").is_some() {
        assert!(live.at - back < Duration::from_secs(4), "{:?}", live.at - back);
    }
}

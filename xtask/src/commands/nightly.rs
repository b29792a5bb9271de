use std::process::ExitCode;

use clap::Args;

use crate::commands::test::outages;
use crate::commands::{bluetooth_vm, package, simulate, soak};
use crate::mutants;
use crate::steps::Steps;
use crate::workspace;

/// Seeds a night, five simulated minutes each.
const SEEDS: u64 = 20_000;

/// Cases a night for every property test; a change gets 256.
const CASES: &str = "100000";

/// Faults every few seconds between real processes.
const SOAK_MINUTES: u64 = 30;

/// Seconds a night of packets for each driver, as many for each virtual device, and for everything else that reads what
/// others wrote.
const FUZZ_SECONDS: &str = "60";

/// Damaged frames for the LC3 decoder, and frames of the encoder for liblc3.
const LC3: [(&str, &str); 2] = [("fuzz", "50000000"), ("soak", "5000000")];

/// What takes longer than a change should wait
///
/// Many more seeds for the simulation, cases for the property tests, frames for the codec, packets for the glasses
/// drivers and kills of both ends; microphones within their times; a crowd whose relay restarts, a soak; and a real
/// bluetoothd.
#[derive(Args)]
pub(crate) struct Nightly {}

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run(&format!("simulation, {SEEDS} seeds"), &mut simulate::command(SEEDS));
    steps.check("simulation, mutants", mutants::run);
    let mut properties = workspace::cargo("test");
    properties.args(["--release", "--no-fail-fast", "-p", "glasslink-protocol", "-p", "glasslink-session"]);
    properties.args(["-p", "glasslink-transcript", "-p", "glasslink-lc3"]);
    steps.tests(&format!("properties, {CASES} cases each"), properties.env("PROPTEST_CASES", CASES));
    for (example, count) in LC3 {
        let mut long = workspace::cargo("run");
        long.args(["--quiet", "--release", "-p", "glasslink-lc3", "--example", example, "--", count]);
        steps.run(&format!("LC3, {example}, {count} frames"), &mut long);
    }
    let mut packets = workspace::cargo("test");
    packets.args(["--release", "-p", "glasslink-glasses", "--test", "fuzz", "--", "--nocapture"]);
    steps.tests("glasses, packets of any kind", packets.env("FUZZ_SECONDS", FUZZ_SECONDS));
    let mut inputs = workspace::cargo("test");
    inputs.args(["--release", "--no-fail-fast", "-p", "glasslink-fuzz", "--", "--nocapture"]);
    steps.tests("input of any kind", inputs.env("FUZZ_SECONDS", FUZZ_SECONDS));
    let mut kills = workspace::cargo("test");
    kills.args([
        "--release",
        "-p",
        "glasslink-e2e",
        "-p",
        "glasslink",
        "--test",
        "killed",
        "--test",
        "relay_killed",
        "--test",
        "memory",
        "--",
        "--nocapture",
    ]);
    steps.tests("client and relay killed, and at rest", kills.env("GLASSLINK_NIGHTLY", "1"));
    let tests = ["outages", "long_outages", "timeline"];
    steps.tests("under fire", outages(&tests).env("GLASSLINK_NIGHTLY", "1"));
    let mut over = workspace::cargo("test");
    over.args(["-p", "glasslink-relay", "--test", "nothing_left"]);
    steps.tests("10,000 sessions leave nothing", over.env("GLASSLINK_NIGHTLY", "1"));
    let mut microphone = workspace::cargo("test");
    microphone.args(["-p", "glasslink-audio", "--features", "microphone", "--test", "microphone", "--"]);
    microphone.args(["--nocapture", "--test-threads", "1"]);
    steps.tests("microphone, times", microphone.env("GLASSLINK_NIGHTLY", "1"));
    let mut day = workspace::cargo("test");
    day.args(["--release", "-p", "glasslink-library", "--bench", "library"]);
    steps.run("a recording of 8 hours", day.env("GLASSLINK_NIGHTLY", "1"));
    let mut crowd = workspace::cargo("test");
    crowd.args(["--release", "-p", "glasslink-e2e", "--test", "crowd", "--", "--ignored", "--nocapture"]);
    steps.tests("2,000 clients whose relay restarts", &mut crowd);
    if steps.run("build the soak", workspace::cargo("build").args(soak::BUILD)) {
        steps.run(&format!("soak, {SOAK_MINUTES} minutes"), &mut soak::command(SOAK_MINUTES));
    }
    package::steps(&mut steps);
    bluetooth_vm::run_all(&mut steps);
    steps.finish()
}

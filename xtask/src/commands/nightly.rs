use std::process::ExitCode;

use clap::Args;

use crate::commands::simulate;
use crate::steps::Steps;
use crate::workspace;

/// Simulated minutes a night.
const SEEDS: u64 = 20_000;

/// Cases a night for every property test; a change gets 256.
const CASES: &str = "100000";

/// Damaged frames for the LC3 decoder, and frames of the encoder for liblc3.
const LC3: [(&str, &str); 2] = [("fuzz", "50000000"), ("soak", "5000000")];

/// What takes longer than a change should wait
///
/// Many more seeds for the simulation, cases for the property tests and frames for the codec.
#[derive(Args)]
pub(crate) struct Nightly {}

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run(&format!("simulation, {SEEDS} seeds"), &mut simulate::command(SEEDS, None));
    let mut properties = workspace::cargo("test");
    properties.args(["--release", "--no-fail-fast", "-p", "glasslink-protocol", "-p", "glasslink-session"]);
    properties.args(["-p", "glasslink-transcript", "-p", "glasslink-lc3"]);
    steps.tests(&format!("properties, {CASES} cases each"), properties.env("PROPTEST_CASES", CASES));
    for (example, count) in LC3 {
        let mut long = workspace::cargo("run");
        long.args(["--quiet", "--release", "-p", "glasslink-lc3", "--example", example, "--", count]);
        steps.run(&format!("LC3, {example}, {count} frames"), &mut long);
    }
    steps.finish()
}

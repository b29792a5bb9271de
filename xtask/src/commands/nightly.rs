use std::process::ExitCode;

use clap::Args;

use crate::commands::simulate;
use crate::steps::Steps;
use crate::workspace;

/// Simulated minutes a night.
const SEEDS: u64 = 20_000;

/// Cases a night for every property test; a change gets 256.
const CASES: &str = "100000";

/// What takes longer than a change should wait
///
/// Many more seeds and cases, and the tests that are marked as long.
#[derive(Args)]
pub(crate) struct Nightly {}

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run(&format!("simulation, {SEEDS} seeds"), &mut simulate::command(SEEDS, None));
    let mut properties = workspace::cargo("test");
    properties.args(["--release", "--no-fail-fast", "-p", "glasslink-protocol", "-p", "glasslink-session"]);
    properties.args(["-p", "glasslink-transcript", "-p", "glasslink-lc3"]);
    steps.tests(&format!("properties, {CASES} cases each"), properties.env("PROPTEST_CASES", CASES));
    let mut long = workspace::cargo("test");
    long.args(["--release", "--workspace", "--no-fail-fast", "--", "--ignored"]);
    steps.tests("long tests", &mut long);
    steps.finish()
}

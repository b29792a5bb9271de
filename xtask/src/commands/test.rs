use std::process::{Command, ExitCode};

use clap::Args;

use crate::commands::{bindings, simulate};
use crate::logs::Logs;
use crate::steps::Steps;
use crate::tools::Package;
use crate::{model, packages, system, workspace};

/// Tries all that the relay's description of its HTTP interface allows.
const SCHEMATHESIS: Package = Package { name: "schemathesis", version: "4.32.5" };

/// Seeds every change is simulated with.
const SEEDS: u64 = 1_000;

/// Test the crates and simulate the link; with --all, everything
///
/// Needs no system package and no root. The speech model is installed if pip works; without it the speech tests are
/// skipped.
#[derive(Args)]
pub(crate) struct Test {
    /// Everything: the speech model must be there, and system packages are installed after asking (Debian, Ubuntu)
    #[arg(long)]
    all: bool,
    /// Install system packages without asking; CI=true means the same
    #[arg(long, requires = "all")]
    yes: bool,
}

impl Test {
    pub(crate) fn run(&self) -> ExitCode {
        let mut steps = Steps::new();
        if self.all {
            all(&mut steps, self.yes || system::is_ci());
        } else {
            some(&mut steps);
        }
        steps.finish()
    }
}

/// Everything, on a machine that gets what it lacks.
pub(crate) fn all(steps: &mut Steps, yes: bool) {
    steps.check("system packages", || packages::provide(yes).map(|()| true));
    steps.run("build the relay", &mut build_relay());
    steps.check("speech model", || {
        model::install(&workspace::program("debug", "glasslink-relay")).map(|()| true)
    });
    let mut tests = crates();
    let logs = Logs::new();
    let collect = |command: &mut Command| logs.iter().for_each(|logs| logs.of(command));
    tests.arg("--workspace").env("GLASSLINK_REQUIRE_MODEL", "1");
    if let Some(folder) = SCHEMATHESIS.provide(steps) {
        tests.env("GLASSLINK_SCHEMATHESIS", folder);
    }
    collect(&mut tests);
    if cfg!(target_os = "linux") {
        tests.env("GLASSLINK_REQUIRE_FAKETIME", "1");
    }
    if cfg!(target_os = "linux") && std::env::var_os("LIBLC3").is_none() {
        // Named, it has to be there: the comparison with it fails instead of being skipped.
        tests.env("LIBLC3", "liblc3.so");
    }
    steps.tests("crates", &mut tests);
    bindings::steps(steps);
    // Real processes through outages of up to two minutes, side by side: they mostly wait.
    let mut under_fire = outages(&["outages", "timeline"]);
    collect(&mut under_fire);
    steps.tests("under fire", &mut under_fire);
    steps.check("logs without speech and secrets", || logs?.check());
    if cfg!(target_os = "linux") {
        let rig = |command: &str| {
            let mut cargo = workspace::cargo(command);
            cargo.args(["-p", "glasslink-bluetooth", "--features", "bluez"]);
            cargo
        };
        steps.run("Bluetooth, lints", rig("clippy").args(["--all-targets", "--", "-D", "warnings"]));
        steps.tests("Bluetooth", &mut rig("test"));
        microphone(steps);
    }
    simulation(steps);
}

/// With a real sound server.
fn microphone(steps: &mut Steps) {
    let audio = |command: &str| {
        let mut cargo = workspace::cargo(command);
        cargo.args(["-p", "glasslink-audio", "--features", "microphone,encryption"]);
        cargo
    };
    steps.run(
        "microphone and encryption, lints",
        audio("clippy").args(["--all-targets", "--", "-D", "warnings"]),
    );
    let mut record = workspace::cargo("clippy");
    record.args(["-p", "glasslink-examples", "--features", "microphone", "--example", "record"]);
    steps.run("record with a microphone, lints", record.args(["--", "-D", "warnings"]));
    let mut doc = audio("doc");
    steps.run(
        "microphone and encryption, documentation",
        doc.arg("--no-deps").env("RUSTDOCFLAGS", "-Dwarnings"),
    );
    let mut tests = audio("test");
    tests.args(["--lib", "--test", "callback", "--test", "microphone", "--test", "sealed"]);
    steps.tests("microphone and encryption", tests.env("GLASSLINK_REQUIRE_SOUND", "1"));
}

fn some(steps: &mut Steps) {
    steps.run("build the relay", &mut build_relay());
    if let Err(error) = model::install(&workspace::program("debug", "glasslink-relay")) {
        steps.skip("speech tests", format!("{error:#}"));
    }
    steps.tests("crates", &mut crates());
    simulation(steps);
}

pub(crate) fn outages(tests_of: &[&str]) -> Command {
    let mut tests = workspace::cargo("test");
    tests.args(["-p", "glasslink-e2e"]);
    for name in tests_of {
        tests.args(["--test", name]);
    }
    tests.arg("--");
    tests.args(["--ignored", "--test-threads", "16", "--nocapture"]);
    tests
}

fn simulation(steps: &mut Steps) {
    steps.run(&format!("simulation, {SEEDS} seeds"), &mut simulate::command(SEEDS));
}

fn crates() -> Command {
    let mut command = workspace::cargo("test");
    command.arg("--no-fail-fast");
    command
}

fn build_relay() -> Command {
    let mut command = workspace::cargo("build");
    command.args(["--quiet", "-p", "glasslink-relay", "--bin", "glasslink-relay"]);
    command
}

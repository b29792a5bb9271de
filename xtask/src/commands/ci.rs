use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::Args;

use crate::commands::{spec, test};
use crate::steps::Steps;
use crate::tools::Tool;
use crate::{failures, system, workspace};

/// The release that `deny.toml` is written for.
const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

/// Everything a change has to pass
///
/// Formatting, lints, documentation, licences and sources of dependencies, the promises of SPEC.md, and every test.
/// The last line is `N passed, N failed`.
#[derive(Args)]
pub(crate) struct Ci {
    /// Install system packages and tools without asking; CI=true means the same
    #[arg(long)]
    yes: bool,
}

impl Ci {
    pub(crate) fn run(&self) -> ExitCode {
        let mut steps = Steps::new();
        steps.run(
            "format",
            Command::new("cargo").current_dir(workspace::root()).args(["fmt", "--all", "--", "--check"]),
        );
        let mut clippy = workspace::cargo("clippy");
        steps.run("lints", clippy.args(["--workspace", "--all-targets", "--", "-D", "warnings"]));
        let mut doc = workspace::cargo("doc");
        steps.run("documentation", doc.args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings"));
        deny(&mut steps);
        steps.check("promises", spec::check);
        steps.check("failures", failures::check);
        test::all(&mut steps, self.yes || system::is_ci());
        steps.finish()
    }
}

fn deny(steps: &mut Steps) {
    let program = CARGO_DENY.provide(steps);
    steps.check("dependencies", || {
        let program = program.context("cargo-deny is not there")?;
        let checks = ["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
        system::passes(Command::new(program).current_dir(workspace::root()).args(checks))
    });
}

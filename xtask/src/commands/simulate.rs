use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::mutants;
use crate::system;
use crate::workspace;

/// Drive both halves of a link through bad networks, five simulated minutes and 20 to 40 faults a seed
///
/// A failing seed is printed, and gives the same trace again.
#[derive(Args)]
pub(crate) struct Simulate {
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, value_name = "FIRST", default_value_t = 0)]
    seed: u64,
    /// Simulated minutes a seed
    #[arg(long, default_value_t = MINUTES)]
    minutes: u64,
    /// Plant bugs, one at a time, and see whether each is noticed
    #[arg(long, conflicts_with_all = ["seeds", "seed", "minutes"])]
    mutants: bool,
}

const MINUTES: u64 = 5;

impl Simulate {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let passed = if self.mutants {
            mutants::run()?
        } else {
            system::passes(command(self.seeds).args([
                "--seed",
                &self.seed.to_string(),
                "--minutes",
                &self.minutes.to_string(),
            ]))?
        };
        Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The simulation as a command, built for speed.
pub(crate) fn command(seeds: u64) -> Command {
    let mut command = workspace::cargo("run");
    command.args(["--quiet", "--release", "-p", "glasslink-simulation", "--", "--seeds", &seeds.to_string()]);
    command
}

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::system;
use crate::workspace;

/// Drive both halves of a link through bad networks, a simulated minute a seed
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
}

impl Simulate {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        Ok(if system::passes(&mut command(self.seeds, Some(self.seed)))? {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// The simulation as a command, built for speed.
pub(crate) fn command(seeds: u64, first: Option<u64>) -> Command {
    let mut command = workspace::cargo("run");
    command.args(["--quiet", "--release", "-p", "glasslink-simulation", "--", "--seeds", &seeds.to_string()]);
    if let Some(first) = first {
        command.args(["--seed", &first.to_string()]);
    }
    command
}

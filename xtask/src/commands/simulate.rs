use std::ffi::OsString;
use std::path::{self, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;
use clap::builder::ArgPredicate;

use crate::figures;
use crate::mutants;
use crate::workspace;

/// Drive both halves of a link through bad networks, four to eight faults a simulated minute
///
/// A failing seed is printed, and gives the same trace again.
#[derive(Args)]
pub(crate) struct Simulate {
    /// How many seeds; 20 with `--timeline`
    #[arg(
        long,
        value_name = "N",
        default_value = "1000",
        default_value_if("timeline", ArgPredicate::IsPresent, "20")
    )]
    seeds: u64,
    /// The first of them
    #[arg(long, value_name = "FIRST", default_value_t = 0)]
    seed: u64,
    /// Simulated minutes a seed
    #[arg(long, default_value_t = 1)]
    minutes: u64,
    /// Print what every seed did, step by step
    #[arg(long)]
    trace: bool,
    /// Plant bugs, one at a time, and see whether each is noticed
    #[arg(long, conflicts_with_all = ["seeds", "seed", "minutes", "trace", "timeline"])]
    mutants: bool,
    /// Instead of random faults, those of a field report: a link's timeline (sdk/client/TIMELINE.md)
    #[arg(long, value_name = "FILE", conflicts_with = "minutes")]
    timeline: Option<PathBuf>,
}

/// What a change has to pass: long enough for a buffer to overflow.
const MINUTES: u64 = 5;

impl Simulate {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let passed = if self.mutants {
            mutants::run()?
        } else {
            let mut simulation = match &self.timeline {
                // Cargo runs in the workspace's folder, whoever calls it from where.
                Some(path) => simulation(self.seeds, &["--timeline".into(), path::absolute(path)?.into()]),
                None => simulation(self.seeds, &["--minutes".into(), self.minutes.to_string().into()]),
            };
            simulation.args(["--seed", &self.seed.to_string()]).args(self.trace.then_some("--trace"));
            figures::run(&mut simulation, |_| {})?
        };
        Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The simulation of long runs, as CI wants it.
pub(crate) fn command(seeds: u64) -> Command {
    simulation(seeds, &["--minutes".into(), MINUTES.to_string().into()])
}

/// The simulation as a command, built for speed.
fn simulation(seeds: u64, which: &[OsString]) -> Command {
    let mut command = workspace::cargo("run");
    command.args(["--quiet", "--release", "-p", "glasslink-simulation", "--"]);
    command.args(["--seeds", &seeds.to_string()]).args(which);
    command
}

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::figures;
use crate::system;
use crate::workspace;

/// Run real processes under faults for minutes or hours, and account for every frame
///
/// A relay that keeps its sessions, a client that records, and one that does not, over TLS through a proxy that fails
/// every few seconds; relay and recorded client are killed (`kill -9`) at random. Exits with 1 when a frame is not
/// accounted for, or memory or descriptors grow.
#[derive(Args)]
pub(crate) struct Soak {
    /// How long
    #[arg(long, value_name = "N", default_value_t = 30)]
    minutes: u64,
    /// Draws the same faults as the run that printed it
    #[arg(long)]
    seed: Option<u64>,
    /// Memory and descriptors, second by second
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

impl Soak {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let mut command = command(self.minutes);
        if let Some(seed) = self.seed {
            command.args(["--seed", &seed.to_string()]);
        }
        if let Some(path) = &self.csv {
            command.arg("--csv").arg(std::path::absolute(path)?);
        }
        let passed =
            system::passes(workspace::cargo("build").args(BUILD))? && figures::run(&mut command, |_| {})?;
        Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The soak and the client it starts.
pub(crate) const BUILD: [&str; 5] = ["--quiet", "--release", "-p", "glasslink-e2e", "--bins"];

pub(crate) fn command(minutes: u64) -> Command {
    let mut command = workspace::cargo("run");
    command.args(["--quiet", "--release", "-p", "glasslink-e2e", "--bin", "soak", "--"]);
    command.args(["--minutes", &minutes.to_string()]);
    command
}

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::figures;
use crate::system;
use crate::workspace;

/// Load a relay with sessions, over TLS, and print what it costs
///
/// Each session sends 20 messages of LC3 a second when they are due, whatever became of those before. A bare WebSocket echo
/// takes turns with the relay, so that their processor times compare. Exits with 1 when a frame was lost, or the machine
/// was too busy to tell.
#[derive(Args)]
pub(crate) struct Load {
    /// Sessions that stream at once
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    sessions: u32,
    /// Seconds of load, for the relay and for the echo each
    #[arg(long, value_name = "S", default_value_t = 20)]
    seconds: u32,
    /// What an app listens to of every session: raw, pcm, or both
    #[arg(long, value_name = "WHAT")]
    apps: Option<String>,
    /// How many sessions have an app that listens to samples, if some do
    #[arg(long, value_name = "N")]
    pcm: Option<u32>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Load {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        // The relay and the generator only: a release build of everything takes long.
        for arguments in [
            ["-p", "glasslink-relay", "--bin", "glasslink-relay"],
            ["-p", "glasslink-load", "--bins", "--quiet"],
        ] {
            if !system::passes(workspace::cargo("build").args(["--quiet", "--release"]).args(arguments))? {
                return Ok(ExitCode::FAILURE);
            }
        }
        let mut load = Command::new(workspace::program("release", "glasslink-load"));
        load.arg("run").arg("--relay").arg(workspace::program("release", "glasslink-relay"));
        load.args(["--sessions", &self.sessions.to_string(), "--seconds", &self.seconds.to_string()]);
        if let Some(apps) = &self.apps {
            load.args(["--apps", apps]);
        }
        if let Some(pcm) = self.pcm {
            load.args(["--pcm", &pcm.to_string()]);
        }
        if self.json {
            load.arg("--json");
        }
        let passed = figures::run(&mut load, |_| {})?;
        Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

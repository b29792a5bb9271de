use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::{model, system, workspace};

/// A cut this often, and this long: six or seven while the speech lasts. Between two of them the link mostly lives for
/// the 5 s that it takes to be called healthy, so that each finds it without back-off.
const DROP_EVERY_S: &str = "7";
const OUTAGE_S: &str = "1";

/// Replay speech across a link that is cut under it, on this screen
///
/// Shows captions, link state and ledger. The speech comes with the model, which is fetched if it is not there. Needs
/// no system package and no root.
#[derive(Args)]
pub(crate) struct Demo {
    /// Passed on to `replay`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    replay: Vec<String>,
}

impl Demo {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let mut build = workspace::cargo("build");
        build.args(["--quiet", "--release", "-p", "glasslink-relay", "--bin", "glasslink-relay"]);
        build.args(["-p", "glasslink-examples", "--example", "replay"]);
        let player = workspace::program("release/examples", "replay");
        if !player.exists() {
            println!("building relay and client: a few minutes, once");
        }
        system::run(&mut build)?;
        let relay = workspace::program("release", "glasslink-relay");
        model::install(&relay)?;
        let folder = model::folder(&relay)?;
        let mut command = Command::new(player);
        command.args(["two_cities.wav", "beckett.wav"].map(|name| folder.join(name)));
        command.args(["--drop-every", DROP_EVERY_S, "--outage", OUTAGE_S]).args(&self.replay);
        let status = command.status().context("replay does not start")?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

//! The speech model, which `glasslink-relay model install` gets.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::system;

/// Installs the model where it is not there yet, with a relay that was built.
pub(crate) fn install(relay: &PathBuf) -> Result<()> {
    let installed =
        Command::new(relay).args(["model", "install"]).status().context("the relay does not start")?;
    if !installed.success() {
        bail!("the speech model could not be installed: what the relay says above has the remedy");
    }
    Ok(())
}

/// The folder the model is in, or will be.
pub(crate) fn folder(relay: &PathBuf) -> Result<PathBuf> {
    let printed = system::output(Command::new(relay).args(["model", "path"]));
    Ok(PathBuf::from(printed.context("the relay does not know where the model is")?.trim_end()))
}

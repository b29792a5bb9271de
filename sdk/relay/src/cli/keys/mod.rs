//! Who is let in, as its operator sees and changes it: on the data folder of a relay, whether it runs or not.

mod apps;
mod arguments;
mod audit;
mod devices;
mod lockdown;
mod pair;
mod say;

pub(crate) use arguments::commands;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ArgMatches;
use glasslink_relay::Keys;

use crate::cli::{arguments as flags, file};

/// Whether `name` is one of these commands, and what came of it.
pub(crate) fn run(name: &str, matches: &ArgMatches) -> Option<Result<ExitCode>> {
    let run = match name {
        "pair" => pair::run,
        "devices" => devices::run,
        "apps" => apps::run,
        "keys" => lockdown::keys,
        "audit" => audit::run,
        "lockdown" => lockdown::run,
        _ => return None,
    };
    let keys = data(matches).and_then(|folder| Ok(Keys::open(&folder)?));
    Some(keys.and_then(|keys| run(&keys, matches)))
}

/// The relay's data folder, from the same places as `serve` has it.
fn data(matches: &ArgMatches) -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = matches.get_one::<PathBuf>("data").cloned().or_else(|| variable("GLASSLINK_DATA")) {
        return Ok(folder);
    }
    let config = matches.get_one::<PathBuf>(flags::CONFIG).cloned().or_else(|| variable("GLASSLINK_CONFIG"));
    let mut settings = config.as_deref().map(file::read).transpose()?.unwrap_or_default();
    settings
        .values
        .remove("data")
        .map(PathBuf::from)
        .context("give the relay's data folder: --data DIR, or GLASSLINK_DATA")
}

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::ArgMatches;
use glasslink_relay::Keys;

use crate::cli::arguments::JSON;
use crate::cli::keys::say::when;

/// `glasslink-relay audit`
pub(super) fn run(keys: &Keys, matches: &ArgMatches) -> Result<ExitCode> {
    if matches.get_flag(JSON) {
        export(keys, &mut io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    for entry in keys.audit()? {
        let times = if entry.times > 1 { format!(" x{}", entry.times) } else { String::new() };
        let parts = [entry.identity, entry.address, entry.detail].into_iter().flatten();
        println!("{}  {}{times}  {}", when(entry.at_ms), entry.event, parts.collect::<Vec<_>>().join("  "));
    }
    Ok(ExitCode::SUCCESS)
}

/// One JSON object a line.
pub(super) fn export(keys: &Keys, to: &mut dyn Write) -> Result<usize> {
    let entries = keys.audit()?;
    for entry in &entries {
        writeln!(to, "{}", serde_json::to_string(entry)?)?;
    }
    to.flush()?;
    Ok(entries.len())
}

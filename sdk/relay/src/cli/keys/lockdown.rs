use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::ArgMatches;
use glasslink_relay::Keys;
use serde_json::json;

use crate::cli::keys::audit::export;
use crate::cli::keys::say::say;

/// `glasslink-relay lockdown`
pub(super) fn run(keys: &Keys, matches: &ArgMatches) -> Result<ExitCode> {
    // What cannot wait comes first.
    let ended = keys.lockdown()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let out = matches.get_one::<PathBuf>("out").cloned();
    let out = out.unwrap_or_else(|| PathBuf::from(format!("audit-{now}.jsonl")));
    let shown = out.display().to_string();
    let exported = || -> Result<usize> { export(keys, &mut BufWriter::new(File::create(&out)?)) };
    let entries =
        exported().with_context(|| format!("everything is revoked; the audit log is not in {shown}"))?;
    let json = json!({
        "devices": ended.devices, "apps": ended.apps, "tokens": ended.tokens, "audit": shown, "entries": entries,
    });
    say(matches, &json, || {
        println!(
            "revoked: {} devices, {} apps, {} start tokens\naudit log: {shown} ({entries} entries)\n\nWhat to do next:",
            ended.devices, ended.apps, ended.tokens
        );
        if ended.tokens > 0 {
            println!("  put a new token in the relay's settings (token-file), and restart it");
        }
        println!("  glasslink-relay pair              for each device; their sessions go on");
        println!("  glasslink-relay apps add NAME     for each app");
        println!("  read the audit log: where did `unauthorized` and `device_paired` come from?");
    })?;
    Ok(ExitCode::SUCCESS)
}

/// `glasslink-relay keys`
pub(super) fn keys(keys: &Keys, matches: &ArgMatches) -> Result<ExitCode> {
    keys.rotate_signing_key()?;
    say(matches, &json!({ "rotated": true }), || println!("tokens are signed with a new key from now on"))?;
    Ok(ExitCode::SUCCESS)
}

use std::process::ExitCode;

use anyhow::Result;
use clap::ArgMatches;
use glasslink_relay::Keys;

use crate::cli::keys::say::{argument, say, when};

/// `glasslink-relay devices`
pub(super) fn run(keys: &Keys, matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        Some(("revoke", revoke)) => {
            let device = keys.revoke_device(argument(revoke, "who"))?;
            say(revoke, &device, || println!("{} is revoked: it has to pair again", device.name))?;
        }
        Some(("rename", rename)) => {
            let device = keys.rename_device(argument(rename, "who"), argument(rename, "name"))?;
            say(rename, &device, || println!("{} is called {}", device.id, device.name))?;
        }
        _ => {
            let devices = keys.devices()?;
            say(matches, &devices, || {
                if devices.is_empty() {
                    println!("no device was paired: `glasslink-relay pair`");
                }
                for device in &devices {
                    let state = match device.revoked_ms {
                        Some(at) => format!("revoked {}", when(at)),
                        None => {
                            format!("seen {}, has to come {}", when(device.seen_ms), when(device.expires_ms))
                        }
                    };
                    println!("{}  {}  {state}", device.id, device.name);
                }
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

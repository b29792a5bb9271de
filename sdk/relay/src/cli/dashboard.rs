use anyhow::{Context, Result};
use clap::ArgMatches;
use glasslink_relay::ticket;

use crate::cli::config::Layers;

/// `glasslink-relay dashboard`
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let layers = Layers::gather(matches, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))?;
    let config = layers.config()?;
    let data = config.data.context(
        "say which relay: --data with its data folder; one without is opened at /dashboard with its token",
    )?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    // Behind the #, so that no server or proxy sees it before the page does.
    println!("{scheme}://{address}/dashboard#ticket={}", ticket(&data)?);
    Ok(())
}

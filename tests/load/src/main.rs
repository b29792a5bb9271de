//! What a relay costs: `cargo xtask load`. Relay and echo are processes of their own, and this one is the generator: it
//! sends when a message is due, whatever has become of those before, and times it from then.

mod child;
mod echo;
mod plan;
mod processors;
mod report;
mod run;
mod sessions;
mod socket;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, ValueEnum};

#[derive(Parser)]
#[command(name = "glasslink-load", version)]
enum Load {
    Run(Run),
    #[command(hide = true)]
    Echo(Echo),
}

/// Load a relay, and a bare echo in turn
#[derive(Args, Clone)]
struct Run {
    /// The program `glasslink-relay`
    #[arg(long, value_name = "FILE")]
    relay: PathBuf,
    /// Sessions that stream at once
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    sessions: u32,
    /// Seconds of load, for the relay and for the echo each
    #[arg(long, value_name = "S", default_value_t = 20)]
    seconds: u32,
    /// What an app listens to of every session: nothing, if left out. `pcm` of some only: --pcm
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    apps: Vec<What>,
    /// How many sessions have an app that listens to samples, if some do; all of them by default
    #[arg(long, value_name = "N")]
    pcm: Option<u32>,
    /// Where the relay keeps its sessions; a new folder by default
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    Raw,
    Pcm,
}

/// A bare WebSocket echo over TLS
#[derive(Args)]
struct Echo {
    certificate: PathBuf,
    key: PathBuf,
}

fn main() -> ExitCode {
    let outcome = match Load::parse() {
        Load::Run(arguments) => run::run(&arguments),
        Load::Echo(Echo { certificate, key }) => echo::run(&certificate, &key).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

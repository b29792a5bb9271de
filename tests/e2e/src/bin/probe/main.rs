//! A client as a process that says what happens to it, a JSON object a line, and does what it is told on its standard
//! input: for tests that break the network, the relay or the process itself.

mod clients;
mod ticks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use glasslink::audio::journal::JournalStore;
use glasslink::{FinishError, Link, LinkBuilder, RecoverError};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::clients::{Client, say};

/// Links that carry frames of 10 ms, told over standard input: `network`, `pause`, `play`, `stats`, `finish`, each with
/// the number of a link behind it or for all of them
#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    relay: String,
    /// An authority to trust, PEM
    #[arg(long)]
    ca: PathBuf,
    #[arg(long, env = "GLASSLINK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// One link through each of these, or one that goes straight to the relay
    #[arg(long)]
    through: Vec<SocketAddr>,
    /// So many links through each
    #[arg(long, default_value_t = 1)]
    links: usize,
    /// Without audio
    #[arg(long)]
    idle: bool,
    /// Record here before anything is sent
    #[arg(long)]
    journal: Option<PathBuf>,
    /// Finish first what earlier processes recorded here
    #[arg(long)]
    recover: Vec<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("probe: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let authority = std::fs::read(&arguments.ca).with_context(|| arguments.ca.display().to_string())?;
    let mut straight = Link::builder(arguments.relay).extra_root(authority).client_name("probe");
    if let Some(token) = &arguments.token {
        straight = straight.token(token);
    }
    let mut builders: Vec<_> = arguments.through.iter().map(|way| straight.clone().through(*way)).collect();
    if builders.is_empty() {
        builders.push(straight);
    }
    for folder in &arguments.recover {
        recover(&builders[0], folder).await?;
    }
    if let Some(folder) = &arguments.journal {
        let store = JournalStore::open(folder)?;
        builders = builders.into_iter().map(|builder| builder.journal(&store)).collect();
    }
    let mut clients = Vec::new();
    for builder in builders.iter().flat_map(|builder| std::iter::repeat_n(builder, arguments.links)) {
        let client = Client::start(clients.len(), builder.clone(), arguments.idle)?;
        clients.push(client);
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let (command, number) = line.split_once(' ').unwrap_or((&line, ""));
        let chosen = number.parse::<usize>().ok();
        for (_, client) in clients.iter_mut().enumerate().filter(|(n, _)| chosen.is_none_or(|c| c == *n)) {
            client.obey(command).await?;
        }
    }
    Ok(())
}

/// Says what became of each recording an earlier process left. A folder it did not get to make has none.
async fn recover(builder: &LinkBuilder, folder: &Path) -> Result<()> {
    let found =
        if folder.exists() { builder.recover(&JournalStore::open(folder)?).await? } else { Vec::new() };
    for recovered in found {
        let result = match &recovered.result {
            // Without an engine it is kept and not transcribed.
            Ok(_) | Err(RecoverError::Finish(FinishError::NoEngine(_))) => String::from("kept"),
            Err(error) => error.to_string(),
        };
        say(&json!({ "session": recovered.session.to_string(), "recovered": result }));
    }
    say(&json!({ "finished_folder": folder }));
    Ok(())
}

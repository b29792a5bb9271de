//! `glasslink-relay`: the reference relay as a program.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use glasslink_asr::Moonshine;
use glasslink_relay::Relay;

/// Takes audio from Glasslink clients and gives back what was said.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the relay.
    Serve {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:7700")]
        listen: SocketAddr,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Command::Serve { listen } = Arguments::parse().command;
    match Relay::builder().listen(listen).engine(Arc::new(Moonshine::default())).start().await {
        Ok(relay) => {
            println!("listening on {}", relay.url());
            let _ = tokio::signal::ctrl_c().await;
            relay.shutdown().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

//! Smart glasses from a terminal: `cargo run --example glasses -- --help`.
//!
//! With `--virtual DEVICE` the glasses are made of software and need no Bluetooth. Real ones need the feature
//! `bluetooth`.

mod captions;
mod commands;
mod lenses;
mod network;
mod open;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Smart glasses from a terminal.
#[derive(Parser)]
#[command(name = "glasses", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    device: open::DeviceOptions,
}

#[derive(Subcommand)]
enum Command {
    /// Say which glasses are in sight, and which devices are known.
    Scan,
    /// Connect to glasses for the first time, and remember them.
    Pair,
    /// Listen to the microphone and count its frames.
    Listen {
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Show text.
    Show { text: String },
    /// Show a picture (PNG or BMP), scaled to the display.
    Image { file: PathBuf },
    /// Say how full the batteries are.
    Battery,
    /// Print what the glasses and the wearer do, until Ctrl-C.
    Monitor,
    /// Forget glasses by their name, as `scan` prints it; all of them without one.
    Forget { name: Option<String> },
    /// Caption what the glasses hear, on the glasses.
    Captions(captions::CaptionsOptions),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command, device } = Cli::parse();
    let result = match command {
        Command::Scan => commands::scan(&device).await,
        Command::Pair => commands::pair(&device).await,
        Command::Listen { seconds } => commands::listen(&device, seconds).await,
        Command::Show { text } => commands::show(&device, &text).await,
        Command::Image { file } => commands::image(&device, &file).await,
        Command::Battery => commands::battery(&device).await,
        Command::Monitor => commands::monitor(&device).await,
        Command::Forget { name } => commands::forget(&device, name.as_deref()),
        Command::Captions(options) => captions::run(&device, &options).await,
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

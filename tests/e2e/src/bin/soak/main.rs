//! Real processes through a proxy that fails, for as long as it is told, and an account of every frame at the end.

mod account;
mod curve;
mod faults;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;

/// A relay, a client that is killed and recorded, and one that lives on in memory, over TLS and under faults.
#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Decides the faults; a run prints its own
    #[arg(long)]
    seed: Option<u64>,
    /// Memory, descriptors and ledger, every second
    #[arg(long)]
    csv: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seed = arguments.seed.unwrap_or(now.as_millis() as u64);
    println!("seed {seed}");
    let wrong = run::run(seed, Duration::from_mins(arguments.minutes), arguments.csv.as_deref());
    for wrong in &wrong {
        println!("WRONG: {wrong}");
    }
    println!(
        "{}",
        if wrong.is_empty() {
            "every frame is accounted for; memory and descriptors are flat"
        } else {
            "failed"
        }
    );
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

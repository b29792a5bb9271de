//! Runs seeds and says what they met. Exits with 1 when a promise was broken, a run was not repeatable, or a long
//! run did not meet something it should have.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use glasslink_simulation::{Coverage, run};

/// Runs this short may miss a fault by chance; longer ones may not.
const SEEDS_THAT_MEET_EVERYTHING: u64 = 500;

#[derive(Parser)]
#[command(about = "Simulates links under fault, a seed at a time")]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Simulated minutes a seed.
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// Print the trace of each seed.
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let length = Duration::from_mins(arguments.minutes);
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let coverage = Mutex::new(Coverage::default());
    let failures = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut met = Coverage::default();
                loop {
                    let offset = next.fetch_add(1, Ordering::Relaxed);
                    if offset >= arguments.seeds {
                        break;
                    }
                    let seed = arguments.seed + offset;
                    let outcome = run(seed, length);
                    if arguments.trace {
                        // Whoever reads it may have seen enough.
                        let _ = stdout().write_all(outcome.trace.as_bytes());
                    }
                    if let Some(violation) = outcome.violation {
                        failures.lock().expect("no worker panics").push((seed, violation));
                    } else if run(seed, length).trace != outcome.trace {
                        failures.lock().expect("no worker panics").push((seed, "two runs differ".into()));
                    }
                    met.merge(&outcome.coverage);
                }
                coverage.lock().expect("no worker panics").merge(&met);
            });
        }
    });
    let coverage = coverage.into_inner().expect("no worker panics");
    let mut failures = failures.into_inner().expect("no worker panics");
    failures.sort();
    println!("{coverage}");
    for (seed, violation) in failures.iter().take(20) {
        println!("seed {seed}: {violation}");
        let minutes = arguments.minutes;
        println!("  again: cargo xtask simulate --seeds 1 --seed {seed} --minutes {minutes} --trace");
    }
    let missing = if arguments.seeds * arguments.minutes >= SEEDS_THAT_MEET_EVERYTHING {
        coverage.missing(length)
    } else {
        Vec::new()
    };
    for what in &missing {
        println!("never met: {what}");
    }
    let hours = (arguments.seeds * arguments.minutes) as f64 / 60.0;
    println!(
        "{} seeds, each run twice, {hours:.1} simulated hours in {:.1} s: {} failed",
        arguments.seeds,
        started.elapsed().as_secs_f64(),
        failures.len()
    );
    if failures.is_empty() && missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

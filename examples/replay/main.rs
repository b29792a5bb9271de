//! Replays audio files through the whole system: LC3, a link that may be cut under it, a relay, captions.
//!
//! `cargo run --release --example replay -- FILE --drop-every 5 --outage 2`

mod args;
mod audience;
mod cutter;
mod ledger;
mod measure;
mod network;
mod player;
mod relay;
mod run;
mod screen;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::run::Outcome;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("replay: the system gives no threads ({error}): close other programs");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run::run(args));
    // A name that is still being looked up must not hold the program.
    runtime.shutdown_background();
    match outcome {
        Ok(Outcome::Whole) => ExitCode::SUCCESS,
        Ok(Outcome::NotWhole) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("replay: {problem:#}");
            ExitCode::from(2)
        }
    }
}

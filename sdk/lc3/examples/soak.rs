//! Encodes frames of every kind for liblc3 to decode: `soak [COUNT [SEED]]`, a million by default.
//!
//! It fails if liblc3 refuses one frame, or hears another sound than our own decoder.

use std::process::ExitCode;

#[path = "../tests/support/mod.rs"]
mod support;

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse());
    let (Ok(count), Ok(seed)) = (numbers.next().unwrap_or(Ok(1_000_000)), numbers.next().unwrap_or(Ok(1)))
    else {
        eprintln!("usage: soak [COUNT [SEED]]");
        return ExitCode::FAILURE;
    };
    let Some(library) = support::liblc3::Library::open() else { return ExitCode::SUCCESS };
    let refused = support::soak::run(&library, count as usize, seed);
    println!("{count} frames encoded; liblc3 refused {refused}");
    if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

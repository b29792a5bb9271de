//! Decodes damaged frames of every kind, at every rate and duration: `fuzz [COUNT [SEED]]`, ten million by default.
//!
//! It ends with a panic where the decoder panics, leaves the range of samples, accepts or refuses what it should
//! not, or does not recover.

use std::process::ExitCode;

#[path = "../tests/support/mod.rs"]
mod support;

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse());
    let (Ok(count), Ok(seed)) = (numbers.next().unwrap_or(Ok(10_000_000)), numbers.next().unwrap_or(Ok(1)))
    else {
        eprintln!("usage: fuzz [COUNT [SEED]]");
        return ExitCode::FAILURE;
    };
    let outcome = support::fuzz::run(count, seed);
    println!("{} damaged frames: {outcome:?}", outcome.decoded + outcome.concealed + outcome.refused);
    ExitCode::SUCCESS
}

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;

use crate::mutate::mutate;
use crate::{TARGETS, Target, corpus};

/// One input takes microseconds; a machine that is busy needs longer, and a hang for ever.
const HANGS: Duration = Duration::from_secs(20);

/// Gives a target its corpus as it is, then changed for `FUZZ_SECONDS`, half a second if nobody says. Panics where the
/// target breaks; says how many inputs it lived through.
pub fn check(name: &str) -> u64 {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("there is no target {name}"));
    let mut inputs: Vec<Vec<u8>> = (target.made)();
    for (file, bytes) in corpus::of(target) {
        one(target, &bytes, &file);
        inputs.push(bytes);
    }
    assert!(!inputs.is_empty(), "{name} has nothing to begin with");
    let seconds = from_environment("FUZZ_SECONDS").unwrap_or(0.5);
    let seed = from_environment("FUZZ_SEED").unwrap_or(1.0) as u64;
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs_f64(seconds) {
        for _ in 0..64 {
            let input = mutate(&mut random, &inputs);
            one(target, &input, "a changed one");
            count += 1;
        }
    }
    println!("{name}: {} files and {count} changed inputs in {seconds} s, seed {seed}", inputs.len());
    count
}

fn one(target: &Target, input: &[u8], name: &str) {
    let began = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.read)(input)));
    if let Err(panic) = outcome {
        eprintln!("{}: {name} broke it; kept in {}", target.name, corpus::keep(target, input));
        resume_unwind(panic);
    }
    let took = began.elapsed();
    assert!(took < HANGS, "{}: {name} took {took:?}; kept in {}", target.name, corpus::keep(target, input));
}

fn from_environment(name: &str) -> Option<f64> {
    std::env::var(name).ok()?.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

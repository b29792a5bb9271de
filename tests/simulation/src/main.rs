//! Runs seeds and says what they met. Exits with 1 when a promise was broken, a run was not repeatable, or a long
//! run did not meet something it should have.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use glasslink_session::LinkTimeline;
use glasslink_simulation::{Coverage, Outcome, Planned, play, run, script};

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
    /// Instead of the seed's faults, those of a link's timeline (TIMELINE.md); the seed decides the rest.
    #[arg(long, value_name = "FILE", conflicts_with = "minutes")]
    timeline: Option<PathBuf>,
}

/// What a seed is run with.
struct Scene {
    length: Duration,
    script: Option<Vec<Planned>>,
}

/// After the last fault the link is watched for this long.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// A frame each 10 ms is simulated: a day of them takes a minute.
const LONGEST: Duration = Duration::from_hours(24);

impl Scene {
    fn of(arguments: &Arguments) -> anyhow::Result<Self> {
        let Some(path) = &arguments.timeline else {
            return Ok(Self { length: Duration::from_mins(arguments.minutes), script: None });
        };
        let timeline = read(path).with_context(|| path.display().to_string())?;
        let length = timeline.length() + AFTERWARDS;
        ensure!(length <= LONGEST, "{}: longer than a day, which takes too long", path.display());
        println!(
            "{}: {:.0} s, {} faults{}",
            path.display(),
            timeline.length().as_secs_f64(),
            script(&timeline).len(),
            if timeline.omitted > 0 { ", the oldest let go when it was written" } else { "" }
        );
        Ok(Self { length, script: Some(script(&timeline)) })
    }

    fn run(&self, seed: u64) -> Outcome {
        match &self.script {
            Some(script) => play(seed, self.length, script),
            None => run(seed, self.length),
        }
    }
}

fn read(path: &Path) -> anyhow::Result<LinkTimeline> {
    Ok(LinkTimeline::from_json(&std::fs::read(path)?)?)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Scene::of(&arguments) {
        Ok(scene) => simulate(&arguments, &scene),
        Err(error) => {
            eprintln!("simulation: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn simulate(arguments: &Arguments, scene: &Scene) -> ExitCode {
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
                    let outcome = scene.run(seed);
                    if arguments.trace {
                        // Whoever reads it may have seen enough.
                        let _ = stdout().write_all(outcome.trace.as_bytes());
                    }
                    if let Some(violation) = outcome.violation {
                        failures.lock().expect("no worker panics").push((seed, violation));
                    } else if scene.run(seed).trace != outcome.trace {
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
        let which = match &arguments.timeline {
            Some(path) => format!("--timeline {}", path.display()),
            None => format!("--minutes {}", arguments.minutes),
        };
        println!("  again: cargo xtask simulate --seeds 1 --seed {seed} {which} --trace");
    }
    let missing =
        if scene.script.is_none() && arguments.seeds * arguments.minutes >= SEEDS_THAT_MEET_EVERYTHING {
            coverage.missing(scene.length)
        } else {
            Vec::new()
        };
    for what in &missing {
        println!("never met: {what}");
    }
    let hours = arguments.seeds as f64 * scene.length.as_secs_f64() / 3_600.0;
    println!(
        "{} seeds{}, each run twice, {hours:.1} simulated hours in {:.1} s: {} failed",
        arguments.seeds,
        if scene.script.is_some() { " of a timeline" } else { "" },
        started.elapsed().as_secs_f64(),
        failures.len()
    );
    if failures.is_empty() && missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

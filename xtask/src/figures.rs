//! Figures that runs print, kept where `cargo xtask report` finds them: `target/figures`, a file each, the newest run's.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{system, workspace};

/// A line that a run prints, and what it shows.
pub(crate) struct Figure {
    /// The file it is kept in.
    pub(crate) name: &'static str,
    pub(crate) promises: &'static [&'static str],
    /// What is in the line, and in no other.
    says: &'static str,
    /// Where the program is that prints it, and what its source has of the line.
    pub(crate) source: (&'static str, &'static str),
    /// What runs it.
    pub(crate) command: &'static str,
}

/// One that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// What the run said.
    pub(crate) line: String,
    /// The run.
    pub(crate) command: String,
    /// Seconds since 1970.
    pub(crate) at: u64,
    /// What was run on, with `+` if there were changes.
    pub(crate) commit: String,
}

const OUTAGES: &str = "tests/e2e/tests/outages.rs";
const RUN_OUTAGES: &str =
    "cargo test -p glasslink-e2e --test outages -- --include-ignored --test-threads 16 --nocapture";
const RUN_LONG: &str = "cargo test -p glasslink-e2e --test long_outages -- --include-ignored --nocapture";
const RUN_CROWD: &str = "cargo test --release -p glasslink-e2e --test crowd -- --ignored --nocapture";
const RUN_SOAK: &str = "cargo run --release -p glasslink-e2e --bin soak -- --minutes 30";
const RUN_FUZZ: &str = "cargo test --release -p glasslink-fuzz -- --nocapture";

const fn outage(name: &'static str, promises: &'static [&'static str], says: &'static str) -> Figure {
    Figure {
        name,
        promises,
        says,
        source: (OUTAGES, "{name}: {} cuts, live again p50"),
        command: RUN_OUTAGES,
    }
}

pub(crate) const FIGURES: &[Figure] = &[
    Figure {
        name: "simulation",
        promises: &["P1", "P2", "P3", "P8", "P11", "P12"],
        says: "seeds, each run twice",
        source: ("tests/simulation/src/main.rs", "{} seeds{}, each run twice"),
        command: "cargo run --release -p glasslink-simulation -- --seeds 1000 --minutes 5",
    },
    Figure {
        name: "soak",
        promises: &["P1", "P10", "P14"],
        says: "every frame is accounted for; ",
        source: ("tests/e2e/src/bin/soak/main.rs", "every frame is accounted for; "),
        command: RUN_SOAK,
    },
    Figure {
        name: "soak-ledger",
        promises: &["P1"],
        says: "lasting client: ",
        source: ("tests/e2e/src/bin/soak/run.rs", "lasting client: "),
        command: RUN_SOAK,
    },
    Figure {
        name: "outage-59-s",
        promises: &["P3"],
        says: "outage of 59s: ",
        source: (OUTAGES, "outage of {outage:?}: "),
        command: RUN_OUTAGES,
    },
    Figure {
        name: "backlog-60-s",
        promises: &["P3"],
        says: "backlog of 60 s: ",
        source: (OUTAGES, "backlog of 60 s: "),
        command: RUN_OUTAGES,
    },
    Figure {
        name: "outage-9-min",
        promises: &["P3"],
        says: "outage of 540s: what is said now",
        source: ("tests/e2e/tests/long_outages.rs", "outage of {outage:?}: what is said now"),
        command: RUN_LONG,
    },
    Figure {
        name: "outage-12-min",
        promises: &["P3", "P8"],
        says: "outage of 720s: what is said now",
        source: ("tests/e2e/tests/long_outages.rs", "outage of {outage:?}: what is said now"),
        command: RUN_LONG,
    },
    Figure {
        name: "outage-120-s",
        promises: &["P4"],
        says: "outage of 120 s: ",
        source: (OUTAGES, "outage of 120 s: "),
        command: RUN_OUTAGES,
    },
    Figure {
        name: "silent-relay",
        promises: &["P5"],
        says: "silent relay: ",
        source: (OUTAGES, "silent relay: "),
        command: RUN_OUTAGES,
    },
    outage("reset-relay-up", &["P6"], "reset, relay up: "),
    outage("network-up-reported", &["P6"], "network up, reported: "),
    outage("outage-unreported", &["P6"], "outage, unreported: "),
    outage("black-hole", &["P6"], "black hole: "),
    Figure {
        name: "interface-up",
        promises: &["P6"],
        says: "an interface came up: ",
        source: ("tests/e2e/tests/awareness.rs", "an interface came up: "),
        command: "cargo test -p glasslink-e2e --test awareness -- --nocapture",
    },
    Figure {
        name: "crowd",
        promises: &["P6"],
        says: "live again: p50",
        source: ("tests/e2e/tests/crowd.rs", "live again: p50"),
        command: RUN_CROWD,
    },
    Figure {
        name: "half-open-streaming",
        promises: &["P7"],
        says: "half-open, []: ",
        source: (OUTAGES, "half-open, {arguments:?}: "),
        command: RUN_OUTAGES,
    },
    Figure {
        name: "half-open-idle",
        promises: &["P7"],
        says: "half-open, [\"--idle\"]: ",
        source: (OUTAGES, "half-open, {arguments:?}: "),
        command: RUN_OUTAGES,
    },
    Figure {
        name: "relay-killed",
        promises: &["P2", "P8", "P10"],
        says: "relay killed ",
        source: ("tests/e2e/tests/killed.rs", "relay killed {RELAY_KILLS} times: "),
        command: "cargo test --release -p glasslink-e2e --test killed -- --nocapture",
    },
    Figure {
        name: "spiral",
        promises: &["P13"],
        says: "spiral: ",
        source: (OUTAGES, "spiral: "),
        command: RUN_OUTAGES,
    },
    Figure {
        name: "fuzz-relay-session",
        promises: &["P14"],
        says: "relay_session: ",
        source: ("tests/fuzz/src/run.rs", "changed inputs in"),
        command: RUN_FUZZ,
    },
    Figure {
        name: "fuzz-text",
        promises: &["P14"],
        says: "text: ",
        source: ("tests/fuzz/src/run.rs", "changed inputs in"),
        command: RUN_FUZZ,
    },
    Figure {
        name: "websocket-blocked",
        promises: &["P17"],
        says: "upgrades stripped, then not: ",
        source: ("tests/e2e/tests/http.rs", "upgrades stripped, then not: "),
        command: "cargo test -p glasslink-e2e --test http -- --nocapture",
    },
];

impl Figure {
    fn path(&self) -> PathBuf {
        workspace::target().join("figures").join(format!("{}.json", self.name))
    }

    fn is_in(&self, line: &str) -> bool {
        // Of tests that run one at a time, what they print follows their name.
        let line = line
            .split_once(" ... ")
            .filter(|(test, _)| test.starts_with("test "))
            .map_or(line, |(_, said)| said);
        line.find(self.says).is_some_and(|at| line[..at].trim_end().bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// What the newest run said.
    pub(crate) fn seen(&self) -> Option<Seen> {
        serde_json::from_slice(&fs::read(self.path()).ok()?).ok()
    }
}

/// Keeps the figures that are in a run's output.
#[derive(Debug)]
struct Keeper {
    command: String,
    commit: String,
}

impl Keeper {
    fn of(command: &Command) -> Self {
        let mut git = Command::new("git");
        git.current_dir(workspace::root()).args(["describe", "--always", "--dirty=+", "--exclude=*"]);
        let commit = system::output(&mut git).unwrap_or_default();
        let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
        let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
        let command = words.filter(|word| *word != "--locked").collect::<Vec<_>>().join(" ");
        Self { command, commit: commit.trim_end().to_owned() }
    }

    /// A line of the output. A figure that cannot be kept is said to be so, and fails nothing.
    fn line(&self, line: &str) {
        for figure in FIGURES.iter().filter(|figure| figure.is_in(line)) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let (command, commit) = (self.command.clone(), self.commit.clone());
            let seen = Seen { line: line.trim_end().to_owned(), command, at: now.as_secs(), commit };
            if let Err(error) = keep(figure, &seen) {
                eprintln!("{}: not kept: {error:#}", figure.path().display());
            }
        }
    }
}

fn keep(figure: &Figure, seen: &Seen) -> Result<()> {
    let path = figure.path();
    fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
    fs::write(path, serde_json::to_string_pretty(seen)? + "\n")?;
    Ok(())
}

/// Runs the command on this screen, and keeps its figures. `each` sees every line. Says whether it succeeded.
pub(crate) fn run(command: &mut Command, mut each: impl FnMut(&str)) -> Result<bool> {
    let keeper = Keeper::of(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` does not start", system::command_line(command)))?;
    let output = child.stdout.take().context("the output is piped")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        // The screen may be a pipe that somebody closed; what was said counts all the same.
        let _ = stdout().write_all(&line).and_then(|()| stdout().write_all(b"\n"));
        let line = String::from_utf8_lossy(&line);
        keeper.line(&line);
        each(&line);
    }
    Ok(child.wait()?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_one_that_its_program_prints() {
        for figure in FIGURES {
            let (file, text) = figure.source;
            let source = fs::read_to_string(workspace::root().join(file)).unwrap();
            assert!(source.contains(text), "{}: {file} does not print \"{text}\"", figure.name);
        }
        let mut names: Vec<_> = FIGURES.iter().map(|figure| figure.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FIGURES.len(), "each has a file of its own");
    }

    #[test]
    fn a_line_is_the_figure_it_begins_as() {
        let found = |line: &str| -> Vec<&str> {
            FIGURES.iter().filter(|figure| figure.is_in(line)).map(|figure| figure.name).collect()
        };
        assert_eq!(found("outage of 59s: 6541 frames, none lost; live 1s after it"), ["outage-59-s"]);
        assert_eq!(
            found("1000 seeds, each run twice, 83.3 simulated hours in 40.0 s: 0 failed"),
            ["simulation"]
        );
        assert_eq!(found("half-open, [\"--idle\"]: noticed after 6.5s"), ["half-open-idle"]);
        assert_eq!(found("test it_ends ... spiral: 1 attempts; []"), ["spiral"]);
        assert!(found("20 seeds of a timeline, each run twice, 0.2 simulated hours").is_empty());
        assert!(found("test text: 5 ... ok").is_empty());
        assert!(found("test result: ok. 8 passed").is_empty());
    }
}

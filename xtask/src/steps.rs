//! Steps that run one after the other, the tests they run, and the time they take.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::figures;

/// What has run so far. A step that fails does not keep the next from running; each says whether it passed.
pub(crate) struct Steps {
    began: Instant,
    rows: Vec<Row>,
    tests: Tests,
}

struct Row {
    name: String,
    took: Duration,
    outcome: Outcome,
}

enum Outcome {
    Passed,
    Failed,
    Skipped(String),
}

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tests {
    passed: u64,
    failed: u64,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), rows: Vec::new(), tests: Tests::default() }
    }

    /// Runs a command on this screen.
    pub(crate) fn run(&mut self, name: &str, command: &mut Command) -> bool {
        self.step(name, |_| figures::run(command, |_| {}))
    }

    /// Runs a command that ends its test programs with libtest's result line, and counts what those say.
    pub(crate) fn tests(&mut self, name: &str, command: &mut Command) -> bool {
        self.step(name, |tests| {
            let before = tests.failed;
            let success = figures::run(command, |line| tests.add(result_line(line).unwrap_or_default()))?;
            // What failed without a result line did not compile, or died.
            tests.failed += u64::from(!success && tests.failed == before);
            Ok(success)
        })
    }

    /// Runs a command that tells of each test in a line of its own, `test NAME: passed` or `test NAME: FAILED: why`, and
    /// counts them; at least one. A scenario and an example are tests, too. `each` is told of every one.
    pub(crate) fn listed(
        &mut self,
        name: &str,
        command: &mut Command,
        mut each: impl FnMut(&str, bool),
    ) -> bool {
        self.step(name, |tests| {
            let before = *tests;
            let success = figures::run(command, |line| {
                if let Some((name, passed)) = listed_line(line) {
                    tests.add(Tests { passed: u64::from(passed), failed: u64::from(!passed) });
                    each(name, passed);
                }
            })?;
            let failed = tests.failed > before.failed;
            let passed = success && !failed && tests.passed > before.passed;
            // What failed without a word did not compile, or died.
            tests.failed += u64::from(!passed && !failed);
            Ok(passed)
        })
    }

    /// Runs a check of our own.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<bool>) -> bool {
        self.step(name, |_| check())
    }

    /// Says what does not run, and why.
    pub(crate) fn skip(&mut self, name: &str, why: impl Into<String>) {
        let why = why.into();
        println!("\n== {name}: skipped: {why}");
        self.rows.push(Row { name: name.into(), took: Duration::ZERO, outcome: Outcome::Skipped(why) });
    }

    /// Prints where the time went and, as the last line, what the tests came to.
    pub(crate) fn finish(self) -> ExitCode {
        self.print_times();
        let failed = self.tests.failed.max(self.failed_steps());
        println!("\n{} passed, {failed} failed", self.tests.passed);
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// For steps that are no tests.
    pub(crate) fn finish_untested(self) -> ExitCode {
        self.print_times();
        if self.failed_steps() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn failed_steps(&self) -> u64 {
        self.rows.iter().filter(|row| matches!(row.outcome, Outcome::Failed)).count() as u64
    }

    fn print_times(&self) {
        println!("\nwhere the time goes");
        for Row { name, took, outcome } in &self.rows {
            let outcome = match outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "FAILED",
                Outcome::Skipped(why) => &format!("skipped: {why}"),
            };
            println!("{:>9.1} s  {name}: {outcome}", took.as_secs_f64());
        }
        println!("{:>9.1} s  in all", self.began.elapsed().as_secs_f64());
    }

    fn step(&mut self, name: &str, run: impl FnOnce(&mut Tests) -> Result<bool>) -> bool {
        println!("\n== {name}");
        let began = Instant::now();
        let passed = run(&mut self.tests).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            false
        });
        let outcome = if passed { Outcome::Passed } else { Outcome::Failed };
        self.rows.push(Row { name: name.into(), took: began.elapsed(), outcome });
        passed
    }
}

impl Tests {
    fn add(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
    }
}

/// `test result: ok. 8 passed; 0 failed; 0 ignored; ...`
fn result_line(line: &str) -> Option<Tests> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count =
        |what: &str| counts.split("; ").find_map(|part| part.strip_suffix(what)?.trim().parse::<u64>().ok());
    Some(Tests { passed: count("passed")?, failed: count("failed")? })
}

/// `scenario overrun: passed, 1.2 s`
fn listed_line(line: &str) -> Option<(&str, bool)> {
    let kinds = ["test ", "scenario ", "example "];
    let told = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
    let passed = told.split_once(": passed");
    let failed = told.split_once(": FAILED").map(|(name, _)| (name, false));
    // What failed may say in passing that something else passed.
    failed.or(passed.map(|(name, _)| (name, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_other_runners_are_counted_and_others_are_not() {
        assert_eq!(listed_line("scenario connect: passed, 0.1 s"), Some(("connect", true)));
        assert_eq!(listed_line("scenario connect: FAILED: state: passed by, 1 s"), Some(("connect", false)));
        assert_eq!(listed_line("test flows end: passed"), Some(("flows end", true)));
        assert_eq!(listed_line("test audio::rejects_noise ... ok"), None);
        assert_eq!(listed_line("a scenario: passed"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_runner_that_fails_or_runs_nothing_is_a_failed_test() {
        let run = |script: &str| {
            let mut steps = Steps::new();
            let passed = steps.listed("a runner", Command::new("sh").args(["-c", script]), |_, _| {});
            (passed, steps.tests)
        };
        let counted = |passed, failed| Tests { passed, failed };
        assert_eq!(run("echo 'test a: passed'; echo 'example b: passed'"), (true, counted(2, 0)));
        assert_eq!(run("echo 'test a: passed'; echo 'test b: FAILED: why'"), (false, counted(1, 1)));
        assert_eq!(run("echo 'test a: passed'; exit 1"), (false, counted(1, 1)));
        assert_eq!(run("true"), (false, counted(0, 1)));
    }

    #[test]
    fn libtests_result_lines_are_counted_and_others_are_not() {
        let line = "test result: FAILED. 8 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s";
        assert_eq!(result_line(line), Some(Tests { passed: 8, failed: 2 }));
        assert_eq!(result_line("test audio::rejects_noise ... ok"), None);
        assert_eq!(result_line("test result: who knows"), None);
    }
}

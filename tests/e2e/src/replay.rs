use std::process::Command;

use serde_json::Value;

use crate::{Finished, LIMIT, replay_program, run};

/// What `replay --json` said at its end, and what the program came to.
#[derive(Clone, Debug)]
pub struct Report {
    pub json: Value,
    pub finished: Finished,
}

/// Runs `replay` with `--json`.
pub fn replay<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Report {
    let finished = run(Command::new(replay_program()).args(arguments).arg("--json"), LIMIT);
    let json = finished.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
    let json =
        json.unwrap_or_else(|| panic!("no object at the end of {}\n{}", finished.stdout, finished.stderr));
    Report { json, finished }
}

impl Report {
    /// A number of the object.
    pub fn number(&self, name: &str) -> u64 {
        self.json[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {}", self.json))
    }

    /// `captured = acknowledged + buffered + lost`.
    pub fn balances(&self) -> bool {
        self.number("captured") == self.number("acknowledged") + self.number("buffered") + self.number("lost")
    }

    /// What was said, with the gaps.
    pub fn transcript(&self) -> &str {
        self.json["transcript"].as_str().unwrap_or_else(|| panic!("no transcript in {}", self.json))
    }
}

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
    /// A number of the object, 0 where there is none.
    pub fn number(&self, name: &str) -> u64 {
        self.json[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {}", self.json))
    }

    /// `captured = acknowledged + buffered + lost`.
    pub fn balances(&self) -> bool {
        self.number("captured") == self.number("acknowledged") + self.number("buffered") + self.number("lost")
    }

    /// The words of every final, in order.
    pub fn text(&self) -> String {
        fn collect(value: &Value, out: &mut Vec<String>) {
            match value {
                Value::Array(values) => values.iter().for_each(|value| collect(value, out)),
                Value::Object(fields) => match fields.get("text").and_then(Value::as_str) {
                    Some(text) => out.push(text.to_owned()),
                    None => fields.values().for_each(|value| collect(value, out)),
                },
                _ => {}
            }
        }
        if let Some(text) = self.json["transcript"].as_str() {
            return text.to_owned();
        }
        let mut finals = Vec::new();
        collect(&self.json["transcript"], &mut finals);
        finals.join(" ")
    }
}

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::steps::Steps;
use crate::{figures, workspace};

/// Which scenario passed in which language.
#[derive(Default)]
pub(super) struct Matrix {
    languages: Vec<&'static str>,
    cells: BTreeMap<(String, &'static str), bool>,
}

impl Matrix {
    /// Runs the scenarios in one language. Every one has to be told of and passed.
    pub(super) fn run(&mut self, steps: &mut Steps, language: &'static str, command: &mut Command) {
        self.languages.push(language);
        steps.check(&format!("bindings, scenarios in {language}"), || {
            let cells = &mut self.cells;
            let success = figures::run(command, |line| {
                if let Some((name, passed)) = outcome(line) {
                    cells.insert((name.to_owned(), language), passed);
                }
            })?;
            let all = scenarios()?;
            Ok(success && all.iter().all(|name| cells.get(&(name.clone(), language)) == Some(&true)))
        });
    }

    pub(super) fn print(&self) {
        let Ok(all) = scenarios() else { return };
        if self.languages.is_empty() {
            return;
        }
        let heads: Vec<String> = self.languages.iter().map(|language| format!("{language:<10}")).collect();
        println!("\n{:<32}{}", "scenario", heads.concat());
        for name in all {
            let cell = |language: &&'static str| match self.cells.get(&(name.clone(), *language)) {
                Some(true) => "passed    ",
                Some(false) => "FAILED    ",
                None => "not run   ",
            };
            println!("{name:<32}{}", self.languages.iter().map(cell).collect::<String>());
        }
    }
}

/// `scenario NAME: passed, 1.2 s`
fn outcome(line: &str) -> Option<(&str, bool)> {
    let (name, outcome) = line.strip_prefix("scenario ")?.split_once(": ")?;
    Some((name, outcome.starts_with("passed")))
}

/// Their names, in their order.
fn scenarios() -> Result<Vec<String>> {
    let path = workspace::root().join("bindings/scenarios.txt");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(text.lines().filter_map(|line| line.strip_prefix("scenario ")).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passed_and_what_did_not_is_told_apart() {
        assert_eq!(outcome("scenario connect: passed, 0.1 s"), Some(("connect", true)));
        assert_eq!(
            outcome("scenario connect: FAILED: state live: passed by, 0.1 s"),
            Some(("connect", false))
        );
        assert_eq!(outcome("a scenario: passed"), None);
        assert!(scenarios().unwrap().len() >= 10);
    }
}

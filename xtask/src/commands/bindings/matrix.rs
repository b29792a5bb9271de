use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::steps::Steps;
use crate::workspace;

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
        let cells = &mut self.cells;
        steps.listed(&format!("bindings, scenarios in {language}"), command, |name, passed| {
            cells.insert((name.to_owned(), language), passed);
        });
        let missing = scenarios().map(|all| {
            let missing = |name: &String| !self.cells.contains_key(&(name.clone(), language));
            all.into_iter().filter(missing).collect::<Vec<_>>()
        });
        if !matches!(&missing, Ok(missing) if missing.is_empty()) {
            steps.check(&format!("bindings, all scenarios in {language}"), || {
                bail!("these did not run: {}", missing?.join(", "))
            });
        }
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
    fn the_scenarios_are_found() {
        let all = scenarios().unwrap();
        assert!(all.len() >= 10 && all.contains(&"connect".to_owned()), "{all:?}");
    }
}

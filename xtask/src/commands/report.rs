use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::clauses::{self, Clauses, Mention};
use crate::workspace;

/// List the promises, the tests that show them, and the commands that run those
///
/// As Markdown.
#[derive(Args)]
pub(crate) struct Report {}

pub(crate) fn run() -> Result<ExitCode> {
    let Clauses { clauses, mentions } = clauses::read()?;
    let mut by_clause: BTreeMap<&str, Vec<&Mention>> = BTreeMap::new();
    for mention in &mentions {
        by_clause.entry(&mention.clause).or_default().push(mention);
    }
    println!("# What is promised, and what shows it");
    for clause in &clauses {
        println!("\n**{}** {}", clause.number, clause.text);
        for mention in by_clause.get(clause.number.as_str()).into_iter().flatten() {
            println!("- {}:{}: `{}`", mention.file, mention.line, command(mention));
        }
        if !by_clause.contains_key(clause.number.as_str()) {
            println!("- no test");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What runs the test a clause is named in.
fn command(mention: &Mention) -> String {
    let path = Path::new(&mention.file);
    let Some((folder, package)) = package(path) else { return String::from("see the file") };
    let inside = path.strip_prefix(folder).unwrap_or(path);
    let mut command = format!("cargo test -p {package}");
    if let Ok(test) = inside.strip_prefix("tests") {
        let program = test.iter().next().unwrap_or_default().to_string_lossy();
        command = format!("{command} --test {}", program.trim_end_matches(".rs"));
    }
    if let Some(test) = &mention.test {
        command = format!("{command} {test}");
    }
    command
}

/// The folder and the name of the package a file is in.
fn package(file: &Path) -> Option<(&Path, String)> {
    file.ancestors().skip(1).find_map(|folder| {
        let manifest = fs::read_to_string(workspace::root().join(folder).join("Cargo.toml")).ok()?;
        let name =
            manifest.split_once("[package]")?.1.lines().find_map(|line| line.strip_prefix("name = "))?;
        Some((folder, name.trim_matches('"').to_owned()))
    })
}

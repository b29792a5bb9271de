use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::Args;

use crate::clauses::{self, Clauses, Mention};
use crate::figures::{self, FIGURES, Figure, Seen};
use crate::workspace;

/// List the promises: the figures that runs came to, the tests, and the commands that run them
///
/// As Markdown. A figure is what the newest run of it said on this machine, kept in `target/figures` by every command of
/// this program that runs it; one that has not been run is said not to have been.
#[derive(Args)]
pub(crate) struct Report {
    /// Run what shows these promises first: P3, P7; all of them takes an hour and a half
    #[arg(long, value_name = "PROMISE", num_args = 0..)]
    run: Option<Vec<String>>,
}

impl Report {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let mut passed = true;
        if let Some(promises) = &self.run {
            for command in commands(promises) {
                println!("$ {command}");
                let mut words = command.split(' ').skip(1);
                let mut cargo = workspace::cargo(words.next().unwrap_or_default());
                passed &= figures::run(cargo.args(words), |_| {})?;
            }
        }
        print(&clauses::read()?)?;
        Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What runs the figures of these promises, or of all, each once.
fn commands(promises: &[String]) -> Vec<&'static str> {
    let wanted = |figure: &&Figure| {
        promises.is_empty() || figure.promises.iter().any(|of| promises.iter().any(|promise| promise == of))
    };
    let mut commands = Vec::new();
    for figure in FIGURES.iter().filter(wanted) {
        if !commands.contains(&figure.command) {
            commands.push(figure.command);
        }
    }
    commands
}

fn print(Clauses { clauses, mentions }: &Clauses) -> Result<()> {
    let mut by_clause: BTreeMap<&str, Vec<&Mention>> = BTreeMap::new();
    for mention in mentions {
        by_clause.entry(&mention.clause).or_default().push(mention);
    }
    println!("# What is promised, and what shows it\n");
    println!("Figures are of this machine's newest runs; `cargo xtask report --run P3` runs what shows P3.");
    for (promise, title) in clauses::promises()? {
        println!("\n## {promise}. {title}\n");
        print_figures(&promise);
        for clause in clauses.iter().filter(|clause| clause.number.split('.').next() == Some(&promise)) {
            println!("\n**{}** {}", clause.number, clause.text);
            for mention in by_clause.get(clause.number.as_str()).into_iter().flatten() {
                println!("- {}:{}: `{}`", mention.file, mention.line, command(mention));
            }
            if !by_clause.contains_key(clause.number.as_str()) {
                println!("- no test");
            }
        }
    }
    Ok(())
}

fn print_figures(promise: &str) {
    let figures: Vec<_> = FIGURES.iter().filter(|figure| figure.promises.contains(&promise)).collect();
    if figures.is_empty() {
        println!("No figure: the tests below show it.");
    }
    for figure in figures {
        match figure.seen() {
            Some(Seen { line, command, at, commit }) => {
                println!("- {line}\n  ({}, {commit}: `{command}`)", ago(at));
            }
            None => println!("- {}, of {}: not run: `{}`", figure.name, figure.source.0, figure.command),
        }
    }
}

/// How long ago a run was.
fn ago(at: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match now.saturating_sub(at) {
        seconds @ 0..3_600 => format!("{} min ago", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
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

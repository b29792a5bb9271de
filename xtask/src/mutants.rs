//! Bugs planted on purpose, to see whether the simulation notices them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace;

/// Five minutes each: enough to meet every fault many times.
const SEEDS: &str = "200";

#[derive(Deserialize)]
struct Mutants {
    mutant: Vec<Mutant>,
}

#[derive(Deserialize)]
struct Mutant {
    name: String,
    /// What is wrong with it.
    bug: String,
    file: PathBuf,
    find: String,
    replace: String,
}

/// Plants each bug in turn. Says whether all were caught.
pub(crate) fn run() -> Result<bool> {
    let list = workspace::root().join("tests/simulation/mutants.toml");
    let Mutants { mutant } = toml::from_str(&fs::read_to_string(&list)?)
        .with_context(|| format!("{} is not a list of mutants", list.display()))?;
    let copy = workspace::target().join("mutants");
    let source = copy.join("source");
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    copy_source(workspace::root(), &source)?;
    if let Some(said) = caught(&copy)? {
        bail!("the simulation fails without any mutant: {said}");
    }
    let (mut survived, total) = (0, mutant.len());
    for mutant in mutant {
        let began = Instant::now();
        let path = source.join(&mutant.file);
        let healthy = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        if healthy.matches(&mutant.find).count() != 1 {
            bail!(
                "{}: its place in {} is not found once: mend mutants.toml",
                mutant.name,
                mutant.file.display()
            );
        }
        fs::write(&path, healthy.replace(&mutant.find, &mutant.replace))?;
        let said = caught(&copy).with_context(|| mutant.name.clone())?;
        fs::write(&path, healthy)?;
        let took = began.elapsed().as_secs();
        if let Some(said) = said {
            println!("caught    {}: {} ({took} s)\n          {said}", mutant.name, mutant.bug);
        } else {
            survived += 1;
            println!("SURVIVED  {}: {} ({took} s)", mutant.name, mutant.bug);
        }
    }
    println!("{} of {total} mutants caught", total - survived);
    Ok(survived == 0)
}

/// What the simulation said first of the source in `copy`, if it noticed anything.
fn caught(copy: &Path) -> Result<Option<String>> {
    let cargo = |subcommand: &str| {
        let mut command = Command::new("cargo");
        command.current_dir(copy.join("source")).env("CARGO_TARGET_DIR", copy.join("target"));
        command.args([subcommand, "--locked", "--quiet", "--release", "-p", "glasslink-simulation"]);
        command
    };
    let built = cargo("build").output()?;
    if !built.status.success() {
        bail!("it does not compile:\n{}", String::from_utf8_lossy(&built.stderr));
    }
    let ran = cargo("run").args(["--", "--seeds", SEEDS]).output()?;
    if ran.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    let telling = |line: &&str| {
        line.starts_with("seed ") || line.starts_with("never met: ") || line.contains("panicked at")
    };
    let line = said.lines().find(telling).context("the simulation failed without a word")?;
    Ok(Some(line.to_owned()))
}

/// The workspace as it is, uncommitted changes included.
fn copy_source(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "target" || name == ".git" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_source(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

//! What the library has of other people: which crates, under which licences, and their texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{system, workspace};

/// In every package.
pub(super) const FILE: &str = "bindings/THIRD-PARTY.txt";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    manifest_path: PathBuf,
    source: Option<String>,
}

/// Writes the file anew.
pub(super) fn write() -> Result<bool> {
    fs::write(path(), text()?)?;
    Ok(true)
}

/// Whether the file says what the library has now.
pub(super) fn check() -> Result<bool> {
    let known = fs::read_to_string(path()).with_context(|| FILE)?;
    ensure!(known.replace("\r\n", "\n") == text()?, "{FILE} is not current: cargo xtask bindings notices");
    Ok(true)
}

pub(super) fn path() -> PathBuf {
    workspace::root().join(FILE)
}

fn text() -> Result<String> {
    let packages = packages()?;
    let mut text = "This library contains software of other people. Each is here with its licence and the place that it\n\
        comes from; the texts of the licences follow.\n\n"
        .to_owned();
    let mut users = BTreeMap::<String, Vec<String>>::new();
    for package in &packages {
        let Package { name, version, license, repository, .. } = package;
        let license = license.as_deref().unwrap_or("see below");
        writeln!(text, "{name} {version}: {license}; {}", repository.as_deref().unwrap_or("its crate"))?;
        for licence in licences(package)? {
            users.entry(licence).or_default().push(format!("{name} {version}"));
        }
    }
    let mut texts: Vec<_> = users.into_iter().map(|(licence, users)| (users, licence)).collect();
    texts.sort();
    for (users, licence) in texts {
        write!(text, "\n{}\n{}\n\n{licence}", "-".repeat(80), users.join(", "))?;
    }
    Ok(text)
}

/// Other people's crates that are in the library, on any platform.
fn packages() -> Result<Vec<Package>> {
    let mut tree = workspace::cargo("tree");
    tree.args(["-p", "glasslink-ffi", "--edges", "normal,no-proc-macro", "--target", "all"]);
    let tree = system::output(tree.args(["--prefix", "none", "--format", "{p}"])).context("cargo tree")?;
    let used: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?.strip_prefix('v')?))
        })
        .collect();
    let mut metadata = workspace::cargo("metadata");
    let metadata = system::output(metadata.args(["--format-version", "1"])).context("cargo metadata")?;
    let mut packages = serde_json::from_str::<Metadata>(&metadata)?.packages;
    packages.retain(|package| package.source.is_some() && used.contains(&(&package.name, &package.version)));
    packages.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(packages)
}

/// The texts that a crate comes with: of several licences to choose from, the first of these.
fn licences(package: &Package) -> Result<Vec<String>> {
    let folder = package.manifest_path.parent().context("a manifest is in a folder")?;
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| {
        file.is_file() && starts_with(file, &["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"])
    });
    files.sort();
    let chosen = ["MIT", "BSD", "ISC", "ZLIB"].iter().find(|name| files.iter().any(|file| has(file, name)));
    if let Some(chosen) = chosen {
        files.retain(|file| has(file, chosen) || starts_with(file, &["NOTICE", "COPYRIGHT"]));
    }
    files.iter().map(|file| read(file)).collect()
}

fn starts_with(file: &Path, names: &[&str]) -> bool {
    names.iter().any(|name| upper(file).starts_with(name))
}

fn has(file: &Path, name: &str) -> bool {
    upper(file).contains(name)
}

fn upper(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().to_uppercase()
}

/// The text, so that the same one is the same.
fn read(file: &Path) -> Result<String> {
    let text = String::from_utf8_lossy(&fs::read(file)?).into_owned();
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').trim().lines().map(str::trim_end).collect();
    Ok(lines.join("\n") + "\n")
}

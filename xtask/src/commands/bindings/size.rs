use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::library::{library_file, made};
use crate::steps::Steps;
use crate::{system, workspace};

/// What a phone's app grows by, feature by feature.
const VARIANTS: [(&str, &[&str]); 4] = [
    ("link, files, journal", &[]),
    ("with encryption", &["encryption"]),
    ("with glasses", &["glasses"]),
    ("with both, as in the packages", &["encryption", "glasses"]),
];

/// Builds the library as users get it with each set of features, strips it, and prints what is left.
pub(super) fn steps(steps: &mut Steps) {
    let mut sizes = Vec::new();
    for (name, features) in VARIANTS {
        steps.check(&format!("bindings, size {name}"), || {
            sizes.push((name, features.join(", "), stripped(features)?));
            Ok(true)
        });
    }
    println!("\n{:<32}{:<24}{:>10}{:>12}", "stripped library", "features", "bytes", "MB");
    for (name, features, bytes) in sizes {
        println!("{name:<32}{features:<24}{bytes:>10}{:>12.2}", bytes as f64 / 1e6);
    }
}

/// Its bytes without symbols.
fn stripped(features: &[&str]) -> Result<u64> {
    let mut build = workspace::cargo("build");
    build.args(["--quiet", "--profile", "shipped", "-p", "glasslink-ffi", "--lib", "--no-default-features"]);
    system::run(build.arg("--features").arg(features.join(",")))?;
    fs::create_dir_all(made())?;
    let copy = made().join("stripped");
    fs::copy(library_file(&workspace::target().join("shipped")), &copy)?;
    strip(&copy)?;
    Ok(fs::metadata(copy)?.len())
}

fn strip(file: &Path) -> Result<()> {
    let options: &[&str] = if cfg!(target_vendor = "apple") { &["-x"] } else { &["--strip-unneeded"] };
    system::run(Command::new("strip").args(options).arg(file)).context("strip comes with the C compiler")
}

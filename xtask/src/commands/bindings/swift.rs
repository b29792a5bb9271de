use std::fs;
use std::process::Command;

use anyhow::Result;

use super::cancellation::cancellable;
use super::library::{Library, Rig, made};
use super::matrix::Matrix;
use super::notices;
use crate::steps::Steps;
use crate::{system, workspace};

/// Writes the package's code, always; builds it and runs its tests where there is a compiler.
pub(super) fn steps(steps: &mut Steps, library: &Library, matrix: &mut Matrix) {
    if !steps.check("bindings, Swift written", || written(library)) {
        return;
    }
    if system::which("swift").is_none() {
        return steps
            .skip("bindings, Swift", "there is no swift here: the package is written, and not compiled");
    }
    if !steps.run("bindings, Swift", &mut swift(library, &["build"])) {
        return;
    }
    matrix.run(steps, "swift", &mut swift(library, &["run", "Scenarios", "scenarios"]));
    steps.listed("bindings, Swift tests", &mut swift(library, &["run", "Scenarios", "tests"]), |_, _| {});
}

/// Swift in the package's folder, with the library to link and to load.
fn swift(library: &Library, arguments: &[&str]) -> Command {
    let mut swift = Command::new("swift");
    swift.current_dir(workspace::root().join("bindings/swift")).args(arguments);
    let folder = library.folder();
    let loader = if cfg!(target_vendor = "apple") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
    swift.env("GLASSLINK_LIBRARY", &folder).env(loader, &folder);
    Rig::test(&mut swift);
    swift
}

/// Puts what is generated where the package looks for it.
fn written(library: &Library) -> Result<bool> {
    let generated = made().join("swift");
    if !library.generate("swift", &generated)? {
        return Ok(false);
    }
    let package = workspace::root().join("bindings/swift/Sources");
    let (swift, c) = (package.join("Glasslink/Generated"), package.join("GlasslinkFFI"));
    fs::create_dir_all(&swift)?;
    fs::create_dir_all(&c)?;
    let code = cancellable(&fs::read_to_string(generated.join("Glasslink.swift"))?)?;
    fs::write(swift.join("Glasslink.swift"), code)?;
    fs::copy(generated.join("GlasslinkFFI.h"), c.join("GlasslinkFFI.h"))?;
    fs::copy(generated.join("GlasslinkFFI.modulemap"), c.join("module.modulemap"))?;
    fs::copy(notices::path(), package.join("Glasslink/Resources/THIRD-PARTY.txt"))?;
    Ok(true)
}

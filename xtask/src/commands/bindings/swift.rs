use std::fs;
use std::process::Command;

use anyhow::Result;

use super::library::{Library, made};
use crate::steps::Steps;
use crate::{system, workspace};

/// Writes the package's code, always; builds it where there is a compiler.
pub(super) fn steps(steps: &mut Steps, library: &Library) {
    if !steps.check("bindings, Swift written", || written(library)) {
        return;
    }
    if system::which("swift").is_none() {
        return steps
            .skip("bindings, Swift", "there is no swift here: the package is written, and not compiled");
    }
    let mut build = Command::new("swift");
    build.current_dir(workspace::root().join("bindings/swift")).arg("build");
    steps.run("bindings, Swift", build.env("GLASSLINK_LIBRARY", library.folder()));
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
    fs::copy(generated.join("Glasslink.swift"), swift.join("Glasslink.swift"))?;
    fs::copy(generated.join("GlasslinkFFI.h"), c.join("GlasslinkFFI.h"))?;
    fs::copy(generated.join("GlasslinkFFI.modulemap"), c.join("module.modulemap"))?;
    Ok(true)
}

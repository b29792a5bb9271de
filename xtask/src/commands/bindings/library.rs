use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::steps::Steps;
use crate::{system, workspace};

/// What all packages are made from, and tested with.
pub(super) struct Library {
    folder: PathBuf,
    bindgen: PathBuf,
    relay: PathBuf,
    faults: PathBuf,
}

impl Library {
    /// Builds the library, what writes the packages' code, and a relay and a proxy for their tests.
    pub(super) fn build(steps: &mut Steps) -> Option<Self> {
        // Apart: built together, the library would have the features of what writes the code.
        let mut library = workspace::cargo("build");
        let mut programs = workspace::cargo("build");
        programs.arg("--quiet");
        for package in ["glasslink-bindgen", "glasslink-faults", "glasslink-e2e", "glasslink-relay"] {
            programs.args(["-p", package]);
        }
        for program in ["glasslink-bindgen", "glasslink-faults", "hearing_relay", "glasslink-relay"] {
            programs.args(["--bin", program]);
        }
        let built = steps.run("bindings, library", library.args(["--quiet", "-p", "glasslink-ffi"]))
            && steps.run("bindings, what writes and tests them", &mut programs);
        let program = |name| workspace::program("debug", name);
        built.then(|| Self {
            folder: workspace::target().join("debug"),
            bindgen: program("glasslink-bindgen"),
            relay: program("hearing_relay"),
            faults: program("glasslink-faults"),
        })
    }

    /// The folder the library is in.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The program that writes a package's code.
    pub(super) fn bindgen(&self) -> &Path {
        &self.bindgen
    }

    /// Writes the code of `language` into `out`, which is emptied first.
    pub(super) fn generate(&self, language: &str, out: &Path) -> Result<bool> {
        if out.exists() {
            fs::remove_dir_all(out)?;
        }
        let name = format!("{}glasslink_ffi{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
        let mut bindgen = Command::new(self.bindgen());
        bindgen.current_dir(workspace::root()).args(["generate", "--no-format", "--language", language]);
        system::passes(bindgen.arg("--library").arg(self.folder.join(name)).arg("--out-dir").arg(out))
    }

    /// Tells a package's tests where the relay, the proxy and the scenarios are.
    pub(super) fn test(&self, command: &mut Command) {
        command
            .env("GLASSLINK_TEST_RELAY", &self.relay)
            .env("GLASSLINK_TEST_FAULTS", &self.faults)
            .env("GLASSLINK_VERSION", env!("CARGO_PKG_VERSION"))
            .env("GLASSLINK_SCENARIOS", workspace::root().join("bindings/scenarios.txt"));
    }
}

/// Where packages and their tools are made.
pub(super) fn made() -> PathBuf {
    workspace::target().join("bindings")
}

/// Every file below `folder` whose name ends with `.extension`.
pub(super) fn sources(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path, extension)?);
        } else if path.extension().is_some_and(|named| named == extension) {
            found.push(path);
        }
    }
    Ok(found)
}

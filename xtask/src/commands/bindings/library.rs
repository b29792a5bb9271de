use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::steps::Steps;
use crate::{system, workspace};

/// What all packages are made from, and tested with.
pub(super) struct Library {
    profile: Profile,
    bindgen: PathBuf,
}

/// How the library is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// Soon.
    Dev,
    /// As users get it.
    Shipped,
}

impl Profile {
    /// What cargo calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Shipped => "shipped",
        }
    }

    /// Where cargo builds it.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Shipped => "shipped",
        }
    }
}

impl Library {
    /// Builds the library, and what writes the packages' code.
    pub(super) fn build(steps: &mut Steps, profile: Profile) -> Option<Self> {
        // Apart: built together, the library would have the features of what writes the code.
        let mut library = workspace::cargo("build");
        library.args(["--quiet", "--profile", profile.name(), "-p", "glasslink-ffi"]);
        let built = steps.run("bindings, library", &mut library)
            && steps.run("bindings, what writes the code", &mut build(&[("glasslink-bindgen", None)]));
        built.then(|| Self { profile, bindgen: workspace::program("debug", "glasslink-bindgen") })
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    /// Its file.
    pub(super) fn file(&self) -> PathBuf {
        library_file(&self.folder())
    }

    /// The folder the library is in.
    pub(super) fn folder(&self) -> PathBuf {
        workspace::target().join(self.profile.folder())
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
        let mut bindgen = Command::new(self.bindgen());
        bindgen.current_dir(workspace::root()).args(["generate", "--no-format", "--language", language]);
        system::passes(bindgen.arg("--library").arg(self.file()).arg("--out-dir").arg(out))
    }
}

/// The programs that packages are tested with.
pub(super) struct Rig;

impl Rig {
    /// Builds a relay that hears seconds, one that hears speech, and the proxy between.
    pub(super) fn build(steps: &mut Steps) -> Option<Self> {
        let programs =
            [("glasslink-e2e", Some("hearing_relay")), ("glasslink-faults", None), ("glasslink-relay", None)];
        steps.run("bindings, what tests them", &mut build(&programs)).then_some(Self)
    }

    /// Tells a package's tests where relay, proxy and scenarios are.
    pub(super) fn test(command: &mut Command) {
        command
            .env("GLASSLINK_TEST_RELAY", workspace::program("debug", "hearing_relay"))
            .env("GLASSLINK_TEST_FAULTS", workspace::program("debug", "glasslink-faults"))
            .env("GLASSLINK_VERSION", env!("CARGO_PKG_VERSION"))
            .env("GLASSLINK_SCENARIOS", workspace::root().join("bindings/scenarios.txt"));
    }
}

/// The library that cargo built into `folder`.
pub(super) fn library_file(folder: &Path) -> PathBuf {
    folder.join(format!("{}glasslink_ffi{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX))
}

/// Builds programs, each with its package, whose name it has where none is given.
fn build(programs: &[(&str, Option<&str>)]) -> Command {
    let mut build = workspace::cargo("build");
    build.arg("--quiet");
    for (package, program) in programs {
        build.args(["-p", package, "--bin", program.unwrap_or(package)]);
    }
    build
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

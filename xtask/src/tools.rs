//! Programs of other people that cargo or pip installs, each at the release our configuration is written for.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::steps::Steps;
use crate::{system, workspace};

/// A cargo subcommand.
pub(crate) struct Tool {
    /// Its name, and its crate's.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Tool {
    /// Where it is; installed first, as a step of its own, if it must be.
    pub(crate) fn provide(&self, steps: &mut Steps) -> Option<PathBuf> {
        if let Some(program) = self.installed() {
            return Some(program);
        }
        let mut install = Command::new("cargo");
        // An unoptimised one is built sooner, and is fast enough.
        install.args(["install", "--locked", "--quiet", "--debug", self.name, "--version", self.version]);
        // A CI machine keeps what cargo installs; a developer's own programs are not ours to change.
        if !system::is_ci() {
            install.arg("--root").arg(own());
        }
        steps.run(&format!("install {}", self.name), &mut install);
        self.installed()
    }

    fn installed(&self) -> Option<PathBuf> {
        let name = format!("{}{}", self.name, env::consts::EXE_SUFFIX);
        let known = [system::which(self.name), Some(own().join("bin").join(name))];
        known.into_iter().flatten().find(|path| {
            let version = system::output(Command::new(path).arg("--version"));
            version.is_some_and(|version| version.trim_end().ends_with(self.version))
        })
    }
}

/// A program in Python, which pip installs.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Package {
    /// The folder it is in, for `PYTHONPATH`; installed first, as a step of its own, if it must be.
    pub(crate) fn provide(&self, steps: &mut Steps) -> Option<PathBuf> {
        let Self { name, version } = self;
        let folder = workspace::root().join(own()).join(format!("{name}-{version}"));
        let there = |folder: &PathBuf| folder.join(format!("{name}-{version}.dist-info")).is_dir();
        if !there(&folder) {
            let mut install = Command::new("python3");
            install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
            install.arg(&folder).arg(format!("{name}=={version}"));
            steps.run(&format!("install {name}"), &mut install);
        }
        Some(folder).filter(there)
    }
}

fn own() -> PathBuf {
    workspace::target().join("tools")
}

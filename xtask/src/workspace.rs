//! Where things are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// The folder cargo builds into.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The cargo that runs this program, in the workspace's folder, with the dependencies as they are locked.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args([subcommand, "--locked"]);
    forget_package(&mut command);
    command
}

/// Cargo tells a program that it runs of its package. Build scripts that ask for that would be run again, and everything
/// behind them built again, each time the cargo that is started here and one that a person starts take turns.
pub(crate) fn forget_package(command: &mut Command) {
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_")) {
        command.env_remove(name);
    }
    command
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("CARGO_MANIFEST_LINKS")
        .env_remove("CARGO_MANIFEST_PATH");
}

/// A program that `cargo build` made in a profile's folder: `debug`, `release`, `release/examples`.
pub(crate) fn program(folder: &str, name: &str) -> PathBuf {
    target().join(folder).join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

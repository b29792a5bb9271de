use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// `glasslink-relay`, as built from this source.
pub fn relay_program() -> PathBuf {
    built().join(format!("glasslink-relay{}", env::consts::EXE_SUFFIX))
}

/// The example `replay`, as built from this source.
pub fn replay_program() -> PathBuf {
    built().join("examples").join(format!("replay{}", env::consts::EXE_SUFFIX))
}

/// The example `record`, as built from this source.
pub fn record_program() -> PathBuf {
    built().join("examples").join(format!("record{}", env::consts::EXE_SUFFIX))
}

/// `probe`, built with the program that asks.
pub fn probe_program() -> PathBuf {
    built().join(format!("probe{}", env::consts::EXE_SUFFIX))
}

/// The folder cargo builds programs into, once they are there. After `cargo test` of the workspace they are.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--locked", "--workspace"]);
        build.args(["--bin", "glasslink-relay", "--example", "replay", "--example", "record"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        // Cargo tells a test of its own package: build scripts that ask for that would be run again, and all behind them.
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_")) {
            build.env_remove(name);
        }
        build
            .env_remove("CARGO_MANIFEST_DIR")
            .env_remove("CARGO_MANIFEST_LINKS")
            .env_remove("CARGO_MANIFEST_PATH");
        let status = build.status().expect("cargo started this test");
        assert!(status.success(), "relay, replay and record do not build");
        // target/PROFILE/deps/TEST, or target/PROFILE/PROGRAM
        let program = env::current_exe().expect("the system knows this program");
        let folder = program.parent().expect("a program is in a folder");
        folder.ancestors().find(|folder| !folder.ends_with("deps")).expect("there is a profile's").to_owned()
    })
}

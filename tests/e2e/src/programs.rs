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

/// The folder cargo builds programs into, once both are there. After `cargo test` of the workspace they are.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--locked", "--workspace"]);
        build.args(["--bin", "glasslink-relay", "--example", "replay"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build.status().expect("cargo started this test");
        assert!(status.success(), "relay and replay do not build");
        // target/PROFILE/deps/TEST
        let test = env::current_exe().expect("the system knows this program");
        test.ancestors().nth(2).expect("tests are in a folder of the profile's").to_owned()
    })
}

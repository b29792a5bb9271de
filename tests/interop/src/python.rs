use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::node::target;

/// A folder for `PYTHONPATH` with what a folder of this package wants in its `requirements.txt`, installed into the
/// target folder. `None`, with a word, where pip is not there: unless `GLASSLINK_REQUIRE_NODE=1`, which makes the absence
/// of anything that other people's clients need a failure.
pub fn site(name: &str) -> Option<PathBuf> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let pip = Command::new("python3").args(["-m", "pip", "--version"]).stdout(Stdio::null()).status();
    if !pip.is_ok_and(|status| status.success()) {
        let required = std::env::var("GLASSLINK_REQUIRE_NODE").is_ok_and(|value| value == "1");
        assert!(!required, "GLASSLINK_REQUIRE_NODE=1, and there is no pip");
        eprintln!("skipped: there is no pip");
        return None;
    }
    let wanted = Path::new(env!("CARGO_MANIFEST_DIR")).join(name).join("requirements.txt");
    let folder = target().join("interop").join(name);
    let installed = folder.join("requirements.txt");
    let text = fs::read(&wanted).expect("it is part of this package");
    if fs::read(&installed).ok().as_ref() != Some(&text) {
        let _ = fs::remove_dir_all(&folder);
        let mut install = Command::new("python3");
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        install.args(["--only-binary", ":all:", "--target"]).arg(&folder).arg("--requirement").arg(&wanted);
        assert!(install.status().expect("pip is there").success(), "pip install for {name} failed");
        fs::write(&installed, text).expect("the target folder can be written");
    }
    Some(folder)
}

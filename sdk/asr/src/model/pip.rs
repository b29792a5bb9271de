use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::dir::sha256;
use super::files::Wheel;
use super::install::{InstallError, Progress, disk};

const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// Downloads `wheel` into `folder`. pip itself checks the hash.
pub(super) fn download(
    wheel: &Wheel,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, InstallError> {
    progress(Progress::Fetching { name: wheel.file_name.to_owned(), done: 0, total: None });
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, format!("{} --hash=sha256:{}\n", wheel.requirement, wheel.sha256))
        .map_err(disk(&requirements))?;
    let output = command(PYTHON)
        .args(["--platform", wheel.platform, "-r"])
        .arg(&requirements)
        .arg("-d")
        .arg(folder)
        .output()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => InstallError::NoPython { wheel: wheel.file_name },
            _ => InstallError::Pip { wheel: wheel.file_name, detail: error.to_string() },
        })?;
    if !output.status.success() {
        return Err(failure(wheel, &String::from_utf8_lossy(&output.stderr)));
    }
    let path = folder.join(wheel.file_name);
    if sha256(&path).map_err(disk(&path))? != wheel.sha256 {
        return Err(InstallError::WrongWheel { name: wheel.file_name.to_owned() });
    }
    let size = fs::metadata(&path).map_err(disk(&path))?.len();
    progress(Progress::Fetching { name: wheel.file_name.to_owned(), done: size, total: Some(size) });
    Ok(path)
}

/// The wheels are chosen by platform, whatever Python runs here: nothing of them is Python.
fn command(python: &str) -> Command {
    let mut command = Command::new(python);
    command.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--no-deps",
    ]);
    command.args(["--only-binary=:all:", "--python-version", "3.11", "--require-hashes"]);
    command.stdin(Stdio::null());
    command
}

fn failure(wheel: &Wheel, stderr: &str) -> InstallError {
    if stderr.contains("No module named pip") {
        return InstallError::NoPip { wheel: wheel.file_name };
    }
    if stderr.contains("(from versions: none)") {
        let detail = "the package index cannot be reached, or does not have it".to_owned();
        return InstallError::Pip { wheel: wheel.file_name, detail };
    }
    let words: Vec<&str> = stderr.lines().map(str::trim).filter(|line| line.starts_with("ERROR")).collect();
    let detail = if words.is_empty() {
        stderr.trim().lines().last().unwrap_or("").to_owned()
    } else {
        words.join(" ")
    };
    InstallError::Pip { wheel: wheel.file_name, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::files::MODEL_WHEEL;

    #[test]
    fn a_python_without_pip_is_told_from_a_failed_download() {
        let no_pip = failure(&MODEL_WHEEL, "/usr/bin/python3: No module named pip\n");
        assert!(matches!(no_pip, InstallError::NoPip { .. }));
        let offline =
            "WARNING: Retrying\nERROR: Could not find a version\nERROR: No matching distribution found\n";
        let InstallError::Pip { detail, .. } = failure(&MODEL_WHEEL, offline) else {
            panic!("wanted pip's word")
        };
        assert_eq!(detail, "ERROR: Could not find a version ERROR: No matching distribution found");
    }
}

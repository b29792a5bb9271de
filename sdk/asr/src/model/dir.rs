use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::files::{File, MODEL_NAME, RUNTIME};
use crate::engine::EngineError;

/// The remedy for all that is wrong with the model.
const REMEDY: &str = "run `glasslink-relay model install`";

/// The folder that holds, or will hold, the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelDir(PathBuf);

/// Why the model in a folder cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// A file is not there: the model was never installed here, or not completely. Run `glasslink-relay model install`.
    #[error("{} is missing: {REMEDY}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file is not what was published: cut short, damaged or replaced. Run `glasslink-relay model install`.
    #[error("{} is not the published file: {REMEDY}", path.display())]
    Corrupted {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read. Check its permissions and the disk.
    #[error("{} cannot be read: {detail}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's message.
        detail: String,
    },
    /// There is no ONNX Runtime for this platform among those the project knows. Use a relay on another machine.
    #[error("the embedded speech engine does not run on {} {}", std::env::consts::OS, std::env::consts::ARCH)]
    Unsupported,
    /// Neither `GLASSLINK_MODEL_DIR` nor a home directory is set. Set one.
    #[error("no folder for the speech model: set GLASSLINK_MODEL_DIR")]
    NoFolder,
}

impl ModelDir {
    /// The folder at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// `GLASSLINK_MODEL_DIR`, or `glasslink/models/moonshine-tiny-en` in the user's data folder (`$XDG_DATA_HOME`,
    /// usually `~/.local/share`). The data folder, not the cache: a relay without a network keeps its model.
    pub fn locate() -> Result<Self, ModelError> {
        if let Some(path) = std::env::var_os("GLASSLINK_MODEL_DIR").filter(|path| !path.is_empty()) {
            return Ok(Self(path.into()));
        }
        let strategy = etcetera::choose_base_strategy().map_err(|_| ModelError::NoFolder)?;
        Ok(Self(strategy.data_dir().join("glasslink").join("models").join(MODEL_NAME)))
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Where `file` is or will be.
    pub fn path(&self, file: File) -> PathBuf {
        self.0.join(file.name())
    }

    /// Whether `files` are there and of the right size. Reads nothing; takes microseconds.
    pub fn check(&self, files: &[File]) -> Result<(), ModelError> {
        if RUNTIME.is_none() && files.contains(&File::Runtime) {
            return Err(ModelError::Unsupported);
        }
        for &file in files {
            let path = self.path(file);
            match fs::metadata(&path) {
                Ok(metadata) if metadata.len() == file.published().size => {}
                Ok(_) => return Err(ModelError::Corrupted { path }),
                Err(error) => return Err(unreadable(path, &error)),
            }
        }
        Ok(())
    }

    /// Whether `files` are there and what was published, byte for byte. Takes some 0.1 s.
    pub fn verify(&self, files: &[File]) -> Result<(), ModelError> {
        self.check(files)?;
        for &file in files {
            let path = self.path(file);
            if sha256(&path).map_err(|error| unreadable(path.clone(), &error))? != file.published().sha256 {
                return Err(ModelError::Corrupted { path });
            }
        }
        Ok(())
    }
}

fn unreadable(path: PathBuf, error: &std::io::Error) -> ModelError {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => ModelError::Missing { path },
        _ => ModelError::Unreadable { path, detail: error.to_string() },
    }
}

/// The SHA-256 of a file, in hexadecimal.
pub(super) fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

impl From<ModelError> for EngineError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Missing { path } => {
                Self::NotInstalled { missing: path.display().to_string(), remedy: REMEDY.to_owned() }
            }
            ModelError::Corrupted { path } => {
                Self::Corrupted { file: path.display().to_string(), remedy: REMEDY.to_owned() }
            }
            ModelError::NoFolder => Self::NoModelDir,
            ModelError::Unreadable { .. } | ModelError::Unsupported => {
                Self::Runtime { detail: error.to_string() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let error = ModelDir::new(folder.path()).check(&File::ENGINE).unwrap_err();
        assert_eq!(error, ModelError::Missing { path: folder.path().join("encoder_model.ort") });
        assert!(error.to_string().ends_with("run `glasslink-relay model install`"), "{error}");
        assert!(EngineError::from(error).to_string().starts_with("speech engine not installed"));
    }

    #[test]
    fn a_file_of_another_size_or_content_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let model = ModelDir::new(folder.path());
        let path = model.path(File::Tokenizer);
        fs::write(&path, b"short").unwrap();
        assert_eq!(model.check(&[File::Tokenizer]), Err(ModelError::Corrupted { path: path.clone() }));
        fs::write(&path, vec![0; File::Tokenizer.published().size as usize]).unwrap();
        assert_eq!(model.check(&[File::Tokenizer]), Ok(()));
        assert_eq!(model.verify(&[File::Tokenizer]), Err(ModelError::Corrupted { path }));
    }
}

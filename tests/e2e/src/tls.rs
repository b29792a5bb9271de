use std::fs;
use std::path::PathBuf;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

/// A certificate for this machine, which signs itself, in a folder of its own.
pub struct Certificate {
    folder: TempDir,
}

impl Certificate {
    /// For this computer.
    pub fn new() -> Self {
        Self::of(["localhost", "127.0.0.1"])
    }

    pub fn of<const N: usize>(names: [&str; N]) -> Self {
        let names = names.map(str::to_owned);
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).expect("the names are valid");
        let folder = TempDir::new().expect("there is room for a certificate");
        fs::write(folder.path().join("cert.pem"), cert.pem()).expect("the folder is ours");
        fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).expect("the folder is ours");
        Self { folder }
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

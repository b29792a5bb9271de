use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::{Arm, PeripheralId};

/// Glasses that were paired once: enough to connect to them again without a scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// [`crate::Model::id`].
    pub model: String,
    /// What to call them, as they advertise.
    pub name: String,
    pub arms: BTreeMap<Arm, PeripheralId>,
}

/// The glasses of one person, as a JSON file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedDevices {
    pub devices: Vec<Remembered>,
}

/// Why the remembered devices could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RememberedError {
    /// The file system refused; the path and its own words say why.
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    /// The file is not one of ours, or damaged. Delete it and pair again.
    #[error("{path} is not a list of glasses: {source}")]
    Content { path: String, source: serde_json::Error },
}

impl RememberedDevices {
    /// Reads the file; one that is not there is an empty list.
    pub fn load(path: &Path) -> Result<Self, RememberedError> {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| RememberedError::Content { path: path.display().to_string(), source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(RememberedError::File { path: path.display().to_string(), source }),
        }
    }

    /// Writes the file whole or not at all.
    pub fn save(&self, path: &Path) -> Result<(), RememberedError> {
        let failed = |source| RememberedError::File { path: path.display().to_string(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let text = serde_json::to_vec_pretty(self)
            .map_err(|source| RememberedError::Content { path: path.display().to_string(), source })?;
        let draft = path.with_extension("new");
        fs::write(&draft, text).map_err(failed)?;
        fs::rename(&draft, path).map_err(failed)
    }

    /// Adds a pair, in place of what was known of it.
    pub fn remember(&mut self, remembered: Remembered) {
        self.forget(&remembered.name);
        self.devices.push(remembered);
    }

    /// Forgets a pair by its name; whether it was known. The system's own bond is left alone.
    pub fn forget(&mut self, name: &str) -> bool {
        let before = self.devices.len();
        self.devices.retain(|device| device.name != name);
        self.devices.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_survives_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/glasses.json");
        assert_eq!(RememberedDevices::load(&path).unwrap(), RememberedDevices::default());
        let mut devices = RememberedDevices::default();
        let arms =
            BTreeMap::from([(Arm::Left, PeripheralId("a".into())), (Arm::Right, PeripheralId("b".into()))]);
        devices.remember(Remembered { model: "even-g1".into(), name: "Even G1 52".into(), arms });
        devices.remember(devices.devices[0].clone());
        devices.save(&path).unwrap();
        assert_eq!(RememberedDevices::load(&path).unwrap(), devices);
        assert_eq!(devices.devices.len(), 1);
        assert!(devices.forget("Even G1 52"));
        fs::write(&path, b"{").unwrap();
        assert!(matches!(RememberedDevices::load(&path), Err(RememberedError::Content { .. })));
    }
}

use super::log::RecordingKey;

/// Where the key of recordings is kept.
pub trait KeyStore {
    /// What was kept; `None` if nothing was.
    fn load(&self) -> Result<Option<Vec<u8>>, KeyStoreError>;

    fn save(&self, secret: &[u8]) -> Result<(), KeyStoreError>;
}

/// Why the key of recordings is not to be had. Recordings are not begun without it, and none is harmed.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// There is no keyring, it is locked, or this program may not use it: unlock it, or log in to a desktop session.
    #[error("the system's keyring cannot be used: {0}")]
    Unavailable(String),
    /// Something else is kept under this name. It is left alone: what it was the key of could not be read any more.
    #[error("what the keyring has under this name is no key of recordings")]
    NoKey,
}

impl RecordingKey {
    /// The key that `keys` has; a new one is made, and kept, where there is none. May wait for a person who unlocks a
    /// keyring: call it off the main thread.
    pub fn from_store(keys: &impl KeyStore) -> Result<Self, KeyStoreError> {
        if let Some(kept) = keys.load()? {
            let bytes = kept.as_slice().try_into().map_err(|_| KeyStoreError::NoKey)?;
            return Self::from_bytes(bytes).ok_or(KeyStoreError::NoKey);
        }
        let key = Self::generate();
        keys.save(&key.to_bytes())?;
        Ok(key)
    }
}

/// The system's keyring: Keychain, Credential Manager, Secret Service.
#[cfg(feature = "keyring")]
#[derive(Clone, Debug)]
pub struct SystemKeyring {
    /// The program that keeps it, as the keyring shows it.
    pub service: String,
    /// What it keeps.
    pub name: String,
}

#[cfg(feature = "keyring")]
impl SystemKeyring {
    fn entry(&self) -> Result<keyring::Entry, KeyStoreError> {
        keyring::Entry::new(&self.service, &self.name).map_err(|error| unavailable(&error))
    }
}

#[cfg(feature = "keyring")]
impl KeyStore for SystemKeyring {
    fn load(&self) -> Result<Option<Vec<u8>>, KeyStoreError> {
        match self.entry()?.get_secret() {
            Ok(secret) => Ok(Some(secret)),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(unavailable(&error)),
        }
    }

    fn save(&self, secret: &[u8]) -> Result<(), KeyStoreError> {
        self.entry()?.set_secret(secret).map_err(|error| unavailable(&error))
    }
}

#[cfg(feature = "keyring")]
fn unavailable(error: &keyring::Error) -> KeyStoreError {
    KeyStoreError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[derive(Default)]
    struct Memory(RefCell<Option<Vec<u8>>>);

    impl KeyStore for Memory {
        fn load(&self) -> Result<Option<Vec<u8>>, KeyStoreError> {
            Ok(self.0.borrow().clone())
        }

        fn save(&self, secret: &[u8]) -> Result<(), KeyStoreError> {
            *self.0.borrow_mut() = Some(secret.to_vec());
            Ok(())
        }
    }

    #[test]
    fn the_first_use_makes_a_key_and_every_later_one_finds_it() {
        let keys = Memory::default();
        let first = RecordingKey::from_store(&keys).unwrap();
        let again = RecordingKey::from_store(&keys).unwrap();
        assert_eq!(first.to_bytes(), again.to_bytes());
    }

    #[test]
    fn what_is_no_key_is_left_alone() {
        for other in [&b"a password"[..], &[0; 36]] {
            let keys = Memory(RefCell::new(Some(other.to_vec())));
            assert!(matches!(RecordingKey::from_store(&keys), Err(KeyStoreError::NoKey)));
            assert_eq!(keys.load().unwrap().unwrap(), other);
        }
    }

    #[cfg(feature = "keyring")]
    #[test]
    fn without_a_keyring_the_reason_is_told_and_nothing_hangs() {
        // Where a session has one, it answers; a machine without a session has none.
        let keyring = SystemKeyring { service: "glasslink-test".into(), name: "absent".into() };
        match keyring.load() {
            Ok(known) => assert_eq!(known, None),
            Err(error) => assert!(error.to_string().contains("keyring"), "{error}"),
        }
    }
}

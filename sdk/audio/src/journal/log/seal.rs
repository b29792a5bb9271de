//! Payloads that only who has the key can read.

use super::format::{LogId, Record};

#[cfg(feature = "encryption")]
pub use sealed::RecordingKey;
#[cfg(not(feature = "encryption"))]
pub(crate) use unsealed::RecordingKey;

/// Bytes that a sealed payload is longer: a nonce and a tag.
pub(super) const OVERHEAD: usize = 24 + 16;

/// What a payload is bound to: sealed, it counts only in its own record.
#[cfg(feature = "encryption")]
fn place(log: &LogId, record: &Record<'_>) -> [u8; 40] {
    let mut bytes = [0; 40];
    bytes[..4].copy_from_slice(&log.content);
    bytes[4..20].copy_from_slice(&log.id.to_le_bytes());
    bytes[20] = record.kind;
    bytes[24..28].copy_from_slice(&record.lane.to_le_bytes());
    bytes[28..32].copy_from_slice(&record.count.to_le_bytes());
    bytes[32..].copy_from_slice(&record.from.to_le_bytes());
    bytes
}

#[cfg(feature = "encryption")]
mod sealed {
    use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
    use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

    use super::{LogId, Record, place};

    const NONCE: usize = 24;

    /// Seals recordings: XChaCha20-Poly1305, and a random number that tells this key from others.
    #[derive(Clone)]
    pub struct RecordingKey {
        id: u32,
        secret: Key,
        cipher: XChaCha20Poly1305,
    }

    impl RecordingKey {
        /// A new one, from the system's random numbers.
        pub fn generate() -> Self {
            let secret = Key::generate();
            // 0 is none.
            let random = Key::generate();
            let id = random.first_chunk::<4>().map_or(1, |bytes| u32::from_le_bytes(*bytes).max(1));
            Self::with(id, secret)
        }

        /// What [`to_bytes`](Self::to_bytes) made.
        pub fn from_bytes(bytes: &[u8; 36]) -> Option<Self> {
            let (id, secret) = bytes.split_first_chunk::<4>()?;
            let id = u32::from_le_bytes(*id);
            (id != 0).then(|| Self::with(id, Key::try_from(secret).unwrap_or_default()))
        }

        /// Its id and its secret, to be kept where secrets are.
        pub fn to_bytes(&self) -> [u8; 36] {
            let mut bytes = [0; 36];
            bytes[..4].copy_from_slice(&self.id.to_le_bytes());
            bytes[4..].copy_from_slice(&self.secret);
            bytes
        }

        /// Which key it is. No secret.
        pub fn id(&self) -> u32 {
            self.id
        }

        fn with(id: u32, secret: Key) -> Self {
            let cipher = XChaCha20Poly1305::new(&secret);
            Self { id, secret, cipher }
        }

        pub(crate) fn seal(&self, log: &LogId, record: &Record<'_>) -> Option<Vec<u8>> {
            let nonce = XNonce::generate();
            let payload = Payload { msg: record.payload, aad: &place(log, record) };
            let mut sealed = nonce.to_vec();
            sealed.extend(self.cipher.encrypt(&nonce, payload).ok()?);
            Some(sealed)
        }

        pub(crate) fn open(&self, log: &LogId, record: &Record<'_>) -> Option<Vec<u8>> {
            let (nonce, sealed) = record.payload.split_at_checked(NONCE)?;
            let payload = Payload { msg: sealed, aad: &place(log, record) };
            self.cipher.decrypt(&XNonce::try_from(nonce).ok()?, payload).ok()
        }
    }

    impl std::fmt::Debug for RecordingKey {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("RecordingKey")
                .field("id", &format_args!("{:08x}", self.id))
                .finish_non_exhaustive()
        }
    }
}

#[cfg(not(feature = "encryption"))]
mod unsealed {
    use super::{LogId, Record};

    /// There is none in this build.
    #[derive(Clone, Debug)]
    pub(crate) enum RecordingKey {}

    impl RecordingKey {
        pub(crate) fn id(&self) -> u32 {
            match *self {}
        }

        pub(crate) fn seal(&self, _: &LogId, _: &Record<'_>) -> Option<Vec<u8>> {
            match *self {}
        }

        pub(crate) fn open(&self, _: &LogId, _: &Record<'_>) -> Option<Vec<u8>> {
            match *self {}
        }
    }
}

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::crypto;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Why the certificate or its key cannot be used. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file is not there, or may not be read.
    #[error("{path}: {error}: give a readable file in PEM form")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's word.
        error: std::io::Error,
    },
    /// The file is not PEM, or holds no certificate.
    #[error("{path} holds no certificate in PEM form (it begins with -----BEGIN CERTIFICATE-----)")]
    NoCertificate {
        /// The file.
        path: String,
    },
    /// The file is not PEM, or holds no private key, or an encrypted one.
    #[error("{path} holds no unencrypted private key in PEM form (PKCS #8, PKCS #1 or SEC 1)")]
    NoKey {
        /// The file.
        path: String,
    },
    /// Certificate and key are not a pair, or of a kind that is not supported.
    #[error("{certificate} and {key} cannot be used together: {reason}")]
    Mismatch {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The TLS library refuses to work.
    #[error("TLS cannot be used: {0}")]
    Refused(rustls::Error),
    /// A certificate could not be made, or not be kept in the data folder. Look at the folder's permissions.
    #[error("a certificate cannot be made in {folder}: {reason}")]
    Own {
        /// Where it would be kept.
        folder: String,
        /// What is in the way.
        reason: String,
    },
}

/// Where certificate chain and private key are, both PEM.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// When both files were changed last, and their lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp([Option<(SystemTime, u64)>; 2]);

impl TlsFiles {
    pub(crate) fn load(&self) -> Result<CertifiedKey, TlsError> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| self.certificate_error(error))?;
        if chain.is_empty() {
            return Err(self.certificate_error(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| match error {
            pem::Error::Io(error) => TlsError::Unreadable { path: display(&self.key), error },
            _ => TlsError::NoKey { path: display(&self.key) },
        })?;
        CertifiedKey::from_der(chain, key, &crypto::ring::default_provider()).map_err(|error| {
            TlsError::Mismatch {
                certificate: display(&self.certificate),
                key: display(&self.key),
                reason: error.to_string(),
            }
        })
    }

    /// What changes when the files do.
    pub(crate) fn stamp(&self) -> Stamp {
        let of = |path: &Path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        Stamp([of(&self.certificate), of(&self.key)])
    }

    fn certificate_error(&self, error: pem::Error) -> TlsError {
        match error {
            pem::Error::Io(error) => TlsError::Unreadable { path: display(&self.certificate), error },
            _ => TlsError::NoCertificate { path: display(&self.certificate) },
        }
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use rustls::crypto;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use crate::server::tls::certificate::Certificate;
use crate::server::{TlsError, TlsFiles};

/// A certificate that the relay made for itself: the one in `data`, which is made if there is none; a new one without a
/// folder. Whoever pairs knows it by its SHA-256.
pub(crate) fn own(data: Option<&Path>) -> Result<Certificate, TlsError> {
    let Some(data) = data else { return in_memory().map_err(|reason| failed(Path::new("memory"), &reason)) };
    let folder = data.join("tls");
    let files = TlsFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    if !files.certificate.exists() && !files.key.exists() {
        keep(&folder, &files).map_err(|error| failed(&folder, &error))?;
    }
    Certificate::from_files(files)
}

fn in_memory() -> Result<Certificate, String> {
    let (certificate, key) = make().map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let key = CertifiedKey::from_der(vec![certificate.der().clone()], key, &crypto::ring::default_provider());
    key.map(Certificate::in_memory).map_err(|error| error.to_string())
}

fn keep(folder: &Path, files: &TlsFiles) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let (certificate, key) = make().map_err(io::Error::other)?;
    // The certificate comes last: where it is, its key is whole.
    write(&files.key, &key.serialize_pem(), 0o600)?;
    write(&files.certificate, &certificate.pem(), 0o644)
}

fn make() -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "glasslink-relay".to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "glasslink-relay");
    params.not_before = date_time_ymd(2_020, 1, 1);
    // Nobody would renew it: the date for "does not expire" (RFC 5280, 4.1.2.5).
    params.not_after = date_time_ymd(9_999, 12, 31);
    Ok((params.self_signed(&key)?, key))
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn failed(folder: &Path, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::Own { folder: folder.display().to_string(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_kept_for_its_owner_alone() {
        let data = tempfile::tempdir().unwrap();
        let first = own(Some(data.path())).unwrap();
        assert!(first.troubles().is_empty());
        assert_eq!(own(Some(data.path())).unwrap().fingerprint(), first.fingerprint());
        assert_ne!(own(None).unwrap().fingerprint(), first.fingerprint());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(data.path().join("tls/key.pem")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_half_of_it_is_not_made_again_over_the_other() {
        let data = tempfile::tempdir().unwrap();
        own(Some(data.path())).unwrap();
        fs::remove_file(data.path().join("tls/key.pem")).unwrap();
        assert!(matches!(own(Some(data.path())), Err(TlsError::Unreadable { .. })));
    }
}

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Whose certificates are believed: the platform's authorities, and those given.
#[derive(Default)]
pub struct Trust {
    extra: Vec<CertificateDer<'static>>,
    config: Mutex<Option<Arc<ClientConfig>>>,
}

impl Trust {
    /// `pem`: certificates of authorities. The error is a few words.
    pub fn with_authorities(pem: &[u8]) -> Result<Self, String> {
        let extra: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        if extra.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        Ok(Self { extra, config: Mutex::default() })
    }

    /// Reads the platform's roots the first time, which takes some milliseconds of disk.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = &*config {
            return Ok(Arc::clone(config));
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(
            self.extra.iter().cloned(),
            Arc::clone(&provider),
        )?;
        let mut made = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        made.alpn_protocols = vec![b"http/1.1".to_vec()];
        let made = Arc::new(made);
        *config = Some(Arc::clone(&made));
        Ok(made)
    }
}

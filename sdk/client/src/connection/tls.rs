use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use super::{Failure, Pin};
use glasslink_protocol::Cause;

/// An extra root was not taken: give the certificate of an authority as PEM text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the extra root is not a certificate in PEM form: {0}")]
pub struct RootError(String);

/// Whom the link trusts: the platform's roots, and those it was given.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    extra: Vec<CertificateDer<'static>>,
    /// One certificate counts, and no root.
    pin: Option<Arc<Pin>>,
    connector: OnceLock<Arc<ClientConfig>>,
}

impl Roots {
    /// Trusts what `pin` does.
    pub(crate) fn pinned(pin: Arc<Pin>) -> Self {
        Self { pin: Some(pin), ..Self::default() }
    }

    /// `pem`: one or more certificates.
    pub(crate) fn add(&mut self, pem: &[u8]) -> Result<(), RootError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|error| RootError(error.to_string()))?;
        if certificates.is_empty() {
            return Err(RootError("there is none in it".into()));
        }
        let mut store = rustls::RootCertStore::empty();
        for certificate in &certificates {
            store.add(certificate.clone()).map_err(|error| RootError(error.to_string()))?;
        }
        self.extra.extend(certificates);
        Ok(())
    }

    /// Reads the platform's roots the first time, which takes some milliseconds of disk.
    pub(crate) async fn connector(self: &Arc<Self>) -> Result<TlsConnector, Failure> {
        if let Some(config) = self.connector.get() {
            return Ok(Arc::clone(config).into());
        }
        let roots = Arc::clone(self);
        let config = tokio::task::spawn_blocking(move || roots.config()).await;
        let config = config.map_err(|error| Failure::new(Cause::Tls, &error))??;
        Ok(Arc::clone(self.connector.get_or_init(|| config)).into())
    }

    fn config(&self) -> Result<Arc<ClientConfig>, Failure> {
        let refused = |error: rustls::Error| Failure::new(Cause::Certificate, &error);
        let provider = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match &self.pin {
            Some(pin) => Arc::clone(pin) as _,
            None => Arc::new(platform::verifier(self.extra.clone(), Arc::clone(&provider)).map_err(refused)?),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(not(target_os = "android"))]
mod platform {
    use super::{Arc, CertificateDer, Verifier};

    pub(super) fn verifier(
        extra: Vec<CertificateDer<'static>>,
        provider: Arc<rustls::crypto::CryptoProvider>,
    ) -> Result<Verifier, rustls::Error> {
        Verifier::new_with_extra_roots(extra, provider)
    }
}

/// Android's trust store takes no roots from a program: an app names its own in its network security configuration.
#[cfg(target_os = "android")]
mod platform {
    use super::{Arc, CertificateDer, Verifier};

    pub(super) fn verifier(
        extra: Vec<CertificateDer<'static>>,
        provider: Arc<rustls::crypto::CryptoProvider>,
    ) -> Result<Verifier, rustls::Error> {
        let _ = extra;
        Verifier::new(provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_said_before_anything_connects() {
        let mut roots = Roots::default();
        assert!(roots.add(b"").is_err());
        assert!(roots.add(b"not a certificate").is_err());
        let hollow = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(roots.add(hollow.as_bytes()).is_err());
    }
}

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use glasslink_protocol::pairing::Fingerprint;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};

/// Trusts one certificate, whatever it says of names and dates: whoever paired knows it by its SHA-256. Or, while it
/// pairs by a typed code, any, and remembers which.
#[derive(Debug)]
pub(crate) struct Pin {
    expected: Option<Fingerprint>,
    /// Whether to look at what the platform thinks of it, too.
    is_learning: bool,
    seen: Mutex<Option<Seen>>,
    platform: OnceLock<Option<Verifier>>,
    provider: Arc<CryptoProvider>,
}

/// The certificate of the last connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) fingerprint: Fingerprint,
    /// The platform trusts it for the relay's name.
    pub(crate) is_public: bool,
}

impl Pin {
    pub(crate) fn exactly(expected: Fingerprint) -> Self {
        Self { is_learning: false, ..Self::learning(Some(expected)) }
    }

    /// Sees which certificate there is.
    pub(crate) fn learning(expected: Option<Fingerprint>) -> Self {
        let provider = Arc::new(ring::default_provider());
        Self { expected, is_learning: true, seen: Mutex::default(), platform: OnceLock::new(), provider }
    }

    pub(crate) fn seen(&self) -> Option<Seen> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_public(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        (name, stapled, now): (&ServerName<'_>, &[u8], UnixTime),
    ) -> bool {
        let platform = self.platform.get_or_init(|| Verifier::new(Arc::clone(&self.provider)).ok());
        let verify =
            |platform: &Verifier| platform.verify_server_cert(certificate, chain, name, stapled, now);
        platform.as_ref().is_some_and(|platform| verify(platform).is_ok())
    }
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = Fingerprint(Sha256::digest(certificate).into());
        if self.expected.is_some_and(|expected| expected != fingerprint) {
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        if self.is_learning {
            let is_public = self.is_public(certificate, chain, (name, stapled, now));
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { fingerprint, is_public });
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use glasslink_protocol::pairing::Fingerprint;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, crypto};
use sha2::{Digest, Sha256};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::identity::{Audit, AuditEvent, AuditNote};
use crate::server::tls::expiry::not_after;
use crate::server::tls::files::Stamp;
use crate::server::{TlsError, TlsFiles};

/// How often the files are looked at: whoever renews a certificate does not wait for it.
const LOOK: Duration = Duration::from_secs(5);

/// Whoever renews certificates has done so by then: usual are 30 days.
const SOON: Duration = Duration::from_hours(14 * 24);

/// The certificate that connections are answered with, and where it comes from.
#[derive(Clone)]
pub(crate) struct Certificate(Arc<Inner>);

struct Inner {
    files: Option<TlsFiles>,
    state: RwLock<State>,
}

struct State {
    key: Arc<CertifiedKey>,
    fingerprint: Fingerprint,
    expires: Option<SystemTime>,
    stamp: Option<Stamp>,
    /// Why the files as they are now are not used.
    broken: Option<String>,
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nobody connects.
    Expired,
    ExpiresSoon,
    /// The files were changed and cannot be used; the certificate they had before is.
    Broken(String),
}

impl Certificate {
    /// From files, which are looked at again.
    pub(crate) fn from_files(files: TlsFiles) -> Result<Self, TlsError> {
        let stamp = files.stamp();
        let state = State::new(files.load()?, Some(stamp));
        Ok(Self(Arc::new(Inner { files: Some(files), state: RwLock::new(state) })))
    }

    pub(crate) fn in_memory(key: CertifiedKey) -> Self {
        Self(Arc::new(Inner { files: None, state: RwLock::new(State::new(key, None)) }))
    }

    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.state(|state| state.fingerprint)
    }

    /// What is wrong with it now.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        let now = SystemTime::now();
        self.state(|state| {
            let expiry = state.expires.and_then(|expires| {
                if expires <= now {
                    Some(Trouble::Expired)
                } else {
                    (expires <= now + SOON).then_some(Trouble::ExpiresSoon)
                }
            });
            expiry.into_iter().chain(state.broken.clone().map(Trouble::Broken)).collect()
        })
    }

    /// Uses the files as they are now, if they can be used. Whether they have another certificate.
    pub(crate) fn reload(&self) -> Result<bool, TlsError> {
        let Some(files) = &self.0.files else { return Ok(false) };
        let stamp = files.stamp();
        let loaded = files.load();
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        match loaded {
            Ok(key) => {
                let new = State::new(key, Some(stamp));
                let is_another = new.fingerprint != state.fingerprint;
                *state = new;
                Ok(is_another)
            }
            Err(error) => {
                state.stamp = Some(stamp);
                state.broken = Some(error.to_string());
                Err(error)
            }
        }
    }

    fn has_changed(&self) -> bool {
        let Some(files) = &self.0.files else { return false };
        let stamp = Some(files.stamp());
        self.state(|state| state.stamp != stamp)
    }

    /// Looks at the files until the relay stops. `told` is called with each new certificate.
    pub(crate) async fn watch(self, stopping: CancellationToken, audit: Audit, told: impl Fn(Fingerprint)) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stopping.cancelled() => return,
            }
            let certificate = self.clone();
            let look = move || certificate.has_changed().then(|| certificate.reload());
            if let Ok(Some(looked)) = tokio::task::spawn_blocking(look).await {
                self.tell(&looked, &audit, &told);
            }
        }
    }

    /// Says what came of looking at the files.
    pub(crate) fn tell(&self, looked: &Result<bool, TlsError>, audit: &Audit, told: impl Fn(Fingerprint)) {
        match looked {
            Ok(true) => {
                info!(fingerprint = %self.fingerprint(), "the relay has another certificate");
                audit.note(
                    AuditNote::new(AuditEvent::CertificateChanged).saying(self.fingerprint().to_string()),
                );
                told(self.fingerprint());
            }
            Ok(false) => {}
            Err(error) => {
                error!(%error, "the changed certificate cannot be used; the one before is");
                audit.note(AuditNote::new(AuditEvent::CertificateBroken).saying(error.to_string()));
            }
        }
        for trouble in self.troubles() {
            match trouble {
                Trouble::Expired => {
                    error!("the certificate has expired: nobody can connect until it is renewed");
                }
                Trouble::ExpiresSoon => {
                    warn!("the certificate expires within 14 days: renew it");
                }
                Trouble::Broken(_) => {}
            }
        }
    }

    fn state<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.0.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn new(key: CertifiedKey, stamp: Option<Stamp>) -> Self {
        let certificate = key.cert.first().map(AsRef::as_ref).unwrap_or_default();
        let (fingerprint, expires) =
            (Fingerprint(Sha256::digest(certificate).into()), not_after(certificate));
        Self { key: Arc::new(key), fingerprint, expires, stamp, broken: None }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.state(|state| Arc::clone(&state.key)))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.fingerprint())
    }
}

impl Trouble {
    /// Whether it keeps clients away.
    pub(crate) fn is_fatal(&self) -> bool {
        *self == Self::Expired
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("the certificate has expired"),
            Self::ExpiresSoon => f.write_str("the certificate expires within 14 days"),
            Self::Broken(reason) => write!(f, "the changed certificate is not used: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn write(folder: &Path, until_year: i32) -> TlsFiles {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = date_time_ymd(until_year, 1, 2);
        let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
        std::fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }

    #[test]
    fn files_that_changed_are_used_and_broken_ones_leave_the_old_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let certificate = Certificate::from_files(write(folder.path(), 2_200)).unwrap();
        let first = certificate.fingerprint();
        assert!(!certificate.has_changed() && certificate.troubles().is_empty());
        std::fs::write(folder.path().join("key.pem"), "no key").unwrap();
        assert!(certificate.has_changed());
        assert!(matches!(certificate.reload(), Err(TlsError::NoKey { .. })));
        assert_eq!(certificate.fingerprint(), first);
        assert!(matches!(&certificate.troubles()[..], [Trouble::Broken(why)] if why.contains("key.pem")));
        assert!(!certificate.has_changed(), "it is said once");
        write(folder.path(), 2_200);
        assert!(certificate.reload().unwrap());
        assert_ne!(certificate.fingerprint(), first);
        assert!(certificate.troubles().is_empty());
        assert!(!certificate.reload().unwrap(), "it is the same");
    }

    #[test]
    fn an_expired_certificate_is_in_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let certificate = Certificate::from_files(write(folder.path(), 2_020)).unwrap();
        assert_eq!(certificate.troubles(), [Trouble::Expired]);
    }
}

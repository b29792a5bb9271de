use std::path::Path;
use std::time::Duration;

use glasslink_relay::Relay;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use crate::cli::config::Config;
use crate::cli::doctor::finding::Finding;

const CHECK: &str = "certificate";

/// Time to renew a certificate: authorities that give them for 90 days, or less, ask for a third of that.
const SOON: Duration = Duration::from_hours(14 * 24);

/// Whether clients will accept the certificate, today and in a fortnight.
pub(super) fn check(config: &Config) -> Finding {
    if config.own_tls {
        return Finding::not_checked(CHECK, "the relay's own; devices know it by pairing");
    }
    let Some((certificate, key)) = &config.tls else {
        return if config.listen.ip().is_loopback() {
            Finding::not_checked(CHECK, "no TLS; nothing leaves this machine")
        } else {
            Finding::warning(
                CHECK,
                "no TLS: who is on the way reads the token and what is said",
                "set tls-cert and tls-key, or let a proxy that speaks TLS stand in front",
            )
        };
    };
    match usable(certificate, key) {
        Ok(()) => dates(certificate),
        Err(error) => Finding::problem(
            CHECK,
            error,
            "give a certificate chain and its unencrypted private key, both PEM",
        ),
    }
}

/// As a relay loads them.
fn usable(certificate: &Path, key: &Path) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let start = Relay::builder().tls(certificate, key).start();
    runtime.map_err(|error| error.to_string())?.block_on(start).map(drop).map_err(|error| error.to_string())
}

fn dates(path: &Path) -> Finding {
    let shown = path.display();
    let renew = "renew it; the relay notices within 5 s";
    let der = CertificateDer::from_pem_file(path).ok();
    let Some((_, certificate)) = der.as_ref().and_then(|der| X509Certificate::from_der(der).ok()) else {
        return Finding::problem(CHECK, format!("{shown} is no X.509 certificate"), "make a new one");
    };
    let validity = certificate.validity();
    let from = validity.not_before;
    if validity.not_after < ASN1Time::now() {
        return Finding::problem(CHECK, format!("{shown} expired on {}", validity.not_after), renew);
    }
    match validity.time_to_expiration() {
        None => Finding::problem(
            CHECK,
            format!("{shown} is not valid before {from}"),
            "look at this machine's clock, else wait or make a new one",
        ),
        Some(left) if left < SOON => {
            Finding::warning(CHECK, format!("{shown} expires on {}", validity.not_after), renew)
        }
        Some(_) => {
            Finding::good(CHECK, format!("{shown} is valid until {}, and has its key", validity.not_after))
        }
    }
}

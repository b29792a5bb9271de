use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::prelude::{FromDer, X509Certificate};

/// When a certificate (DER) expires; `None` where that cannot be read.
pub(super) fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let since = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    UNIX_EPOCH.checked_add(Duration::from_secs(since))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made(year: i32, month: u8, day: u8) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_after = date_time_ymd(year, month, day);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn its_end_is_read_however_it_is_written() {
        for (year, month, day, days) in [
            (2024, 2, 29, 19_782),
            (2026, 11, 23, 20_780),
            (2049, 12, 31, 29_219),
            (2050, 1, 1, 29_220),
            (9_999, 12, 31, 2_932_896),
        ] {
            let expected = UNIX_EPOCH + Duration::from_secs(days * 86_400);
            assert_eq!(not_after(&made(year, month, day)), Some(expected), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let whole = made(2_030, 1, 1);
        for cut in 0..whole.len() {
            assert_eq!(not_after(&whole[..cut]), None, "{cut}");
        }
    }
}

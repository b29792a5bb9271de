use std::fmt;
use std::str::FromStr;

use glasslink_protocol::pairing::Fingerprint;

use crate::address::RelayAddress;

const SCHEME: &str = "glasslink-pairing:1";

/// What a device keeps of its pairing. Holds a secret: `{:?}` shows none of it; [`to_secret_text`](Self::to_secret_text)
/// all.
#[derive(Clone, PartialEq, Eq)]
pub struct Pairing {
    pub(super) url: String,
    pub(super) device: String,
    pub(super) key: String,
    pub(super) certificate: Option<Fingerprint>,
}

/// Text that is no stored pairing: it was cut, or is of a newer version. Pair again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no stored pairing, or one of a newer version: pair again")]
pub struct PairingTextError;

impl Pairing {
    /// Where the relay is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the relay calls this device; not a secret.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The only certificate that is trusted; the platform's trust counts without one.
    pub fn certificate(&self) -> Option<Fingerprint> {
        self.certificate
    }

    /// All of it, as one line to be kept where secrets are.
    pub fn to_secret_text(&self) -> String {
        let certificate =
            self.certificate.map_or_else(|| "-".to_owned(), |certificate| certificate.to_string());
        format!("{SCHEME} {} {} {certificate} {}", self.device, self.key, self.url)
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

impl FromStr for Pairing {
    type Err = PairingTextError;

    fn from_str(text: &str) -> Result<Self, PairingTextError> {
        let parts: Vec<&str> = text.trim().split(' ').collect();
        let [SCHEME, device, key, certificate, url] = parts[..] else { return Err(PairingTextError) };
        let certificate = match certificate {
            "-" => None,
            certificate => Some(certificate.parse().map_err(|_| PairingTextError)?),
        };
        if url.parse::<RelayAddress>().is_err() || device.is_empty() || key.is_empty() {
            return Err(PairingTextError);
        }
        Ok(Self { url: url.into(), device: device.into(), key: key.into(), certificate })
    }
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pairing")
            .field("url", &self.url)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SPEC P15.2
    #[test]
    fn a_pairing_is_read_back_and_its_key_is_not_shown() {
        for certificate in [None, Some(Fingerprint([9; 32]))] {
            let pairing = Pairing {
                url: "https://192.168.1.5:7700".into(),
                device: "00000000000000ab".into(),
                key: "gld_s3cret".into(),
                certificate,
            };
            assert_eq!(pairing.to_secret_text().parse(), Ok(pairing.clone()));
            assert!(!format!("{pairing:?}").contains("s3cret"), "{pairing:?}");
        }
        for wrong in [
            "",
            "glasslink-pairing:2 a b - https://x",
            "glasslink-pairing:1 a b - x",
            "glasslink-pairing:1 a b",
        ] {
            assert_eq!(wrong.parse::<Pairing>(), Err(PairingTextError), "{wrong}");
        }
    }
}

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Fingerprint;
use super::fingerprint::{bytes, text};

const SCHEME: &str = "glasslink://pair?";

/// Good for one pairing: 128 random bits, base64 in text. Prints as `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct OfferSecret(pub [u8; 16]);

/// What a QR code holds: `glasslink://pair?v=1&url=...&secret=...&certificate=...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingOffer {
    /// The relay's address: `https://192.168.1.5:7700`.
    pub url: String,
    pub secret: OfferSecret,
    /// The relay's certificate; none where the address says how it is known, or is this machine's.
    pub certificate: Option<Fingerprint>,
}

/// Text that is no offer to pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairingOfferError {
    /// It does not begin as one: another QR code was read, or only a part.
    #[error("it is no Glasslink pairing code: it does not begin with {SCHEME}")]
    AnotherCode,
    /// Something that belongs to it is not there, or is not what it should be. Read it again.
    #[error("the pairing code is not whole: {0} is missing or wrong")]
    Part(&'static str),
    /// It was made by a newer relay: update this program.
    #[error("the pairing code is of a newer version: update this program")]
    Newer,
}

impl fmt::Display for PairingOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}v=1&url=")?;
        for byte in self.url.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        write!(f, "&secret={}", text(&self.secret.0))?;
        if let Some(certificate) = &self.certificate {
            write!(f, "&certificate={certificate}")?;
        }
        Ok(())
    }
}

impl FromStr for PairingOffer {
    type Err = PairingOfferError;

    fn from_str(offer: &str) -> Result<Self, PairingOfferError> {
        let query = offer.trim().strip_prefix(SCHEME).ok_or(PairingOfferError::AnotherCode)?;
        let part = |wanted: &str| {
            query.split('&').filter_map(|part| part.split_once('=')).find(|(name, _)| *name == wanted)
        };
        let value = |name: &'static str| Some(part(name)?.1);
        match value("v") {
            Some("1") => {}
            Some(_) => return Err(PairingOfferError::Newer),
            None => return Err(PairingOfferError::Part("v")),
        }
        let url = value("url").and_then(decoded).ok_or(PairingOfferError::Part("url"))?;
        let secret = value("secret").and_then(bytes).ok_or(PairingOfferError::Part("secret"))?;
        let certificate = value("certificate").map(str::parse).transpose();
        let certificate = certificate.map_err(|_| PairingOfferError::Part("certificate"))?;
        Ok(Self { url, secret: OfferSecret(secret), certificate })
    }
}

/// Without percent signs.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        decoded.push(u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?);
        decoded.extend(rest.as_bytes());
    }
    String::from_utf8(decoded).ok().filter(|url| !url.is_empty())
}

impl fmt::Debug for OfferSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Serialize for OfferSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(&self.0))
    }
}

impl<'de> Deserialize<'de> for OfferSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secret = bytes(&String::deserialize(deserializer)?);
        secret.map(Self).ok_or_else(|| de::Error::custom("a secret is 16 bytes in base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> PairingOffer {
        PairingOffer {
            url: "https://[fe80::1]:7700/behind?a&b=é".into(),
            secret: OfferSecret([0xFB; 16]),
            certificate: Some(Fingerprint([7; 32])),
        }
    }

    #[test]
    fn an_offer_is_read_back() {
        let whole = offer();
        assert_eq!(whole.to_string().parse(), Ok(whole.clone()));
        let without = PairingOffer { certificate: None, ..whole };
        assert_eq!(without.to_string().parse(), Ok(without));
        let with_more = format!("{}&colour=blue", offer());
        assert_eq!(with_more.parse(), Ok(offer()));
    }

    #[test]
    fn what_is_no_offer_says_which_part() {
        let wrong = |text: &str| text.parse::<PairingOffer>().unwrap_err();
        assert_eq!(wrong("https://example.org"), PairingOfferError::AnotherCode);
        assert_eq!(wrong("glasslink://pair?v=2"), PairingOfferError::Newer);
        assert_eq!(wrong("glasslink://pair?v=1&secret=AA"), PairingOfferError::Part("url"));
        let text = offer().to_string();
        assert_eq!(wrong(&text.replace("secret=", "secret=A")), PairingOfferError::Part("secret"));
        assert_eq!(
            wrong(&text.replace("certificate=", "certificate=.")),
            PairingOfferError::Part("certificate")
        );
        assert_eq!(wrong(&text.replace("%3A", "%+3")), PairingOfferError::Part("url"));
        for cut in 0..text.len() - 60 {
            assert!(text.get(..cut).is_none_or(|part| part.parse::<PairingOffer>().is_err()), "{cut}");
        }
    }

    #[test]
    fn its_secret_does_not_print_by_accident() {
        assert!(!format!("{:?}", offer()).contains("-_v7"), "{:?}", offer());
    }
}

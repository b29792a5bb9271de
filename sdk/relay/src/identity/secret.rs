use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::identity::PeerId;

/// A token. Prints as `[redacted]`.
#[derive(Clone)]
pub(crate) struct Secret(String);

/// What is kept of a token or key. Of 256 random bits, so that a slow hash would add nothing.
pub(crate) type Hash = [u8; 32];

/// What a device, or an app, shows: a prefix that tells what it is to whoever finds it, whose it is, and 256 random
/// bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Changed for tokens, and good for nothing else.
    DeviceKey,
    AppKey,
    /// A device's, signed by the relay.
    Token,
}

/// A token or key of a known form, taken apart.
pub(crate) struct Shown {
    pub(crate) kind: Kind,
    pub(crate) id: PeerId,
    body: Vec<u8>,
}

/// What is signed is the device and the end of the token's time.
#[derive(Clone)]
pub(crate) struct SigningKey {
    pub(crate) secret: [u8; 32],
    /// Tokens signed with it are good until then.
    pub(crate) until_ms: Option<i64>,
}

impl Secret {
    pub(crate) fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn hash(&self) -> Hash {
        hash(self.0.as_bytes())
    }
}

impl Kind {
    const ALL: [Self; 3] = [Self::DeviceKey, Self::AppKey, Self::Token];

    fn prefix(self) -> &'static str {
        match self {
            Self::DeviceKey => "gld_",
            Self::AppKey => "gla_",
            Self::Token => "glt_",
        }
    }
}

/// A new key of `kind`, and what is kept of it.
pub(crate) fn new_key(kind: Kind, id: PeerId) -> Result<(String, Hash), getrandom::Error> {
    let mut body = [0; 32];
    getrandom::fill(&mut body)?;
    Ok((format!("{}{id}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(body)), hash(&body)))
}

impl Shown {
    /// `None` where it has none of the forms.
    pub(crate) fn parse(token: &[u8]) -> Option<Self> {
        let token = std::str::from_utf8(token).ok()?;
        let with = |kind: Kind| Some((kind, token.strip_prefix(kind.prefix())?));
        let (kind, rest) = Kind::ALL.into_iter().find_map(with)?;
        let (id, body) = rest.split_at_checked(16)?;
        Some(Self { kind, id: id.parse().ok()?, body: URL_SAFE_NO_PAD.decode(body).ok()? })
    }

    /// Whether this is what `hash` was kept of. In constant time.
    pub(crate) fn is(&self, kept: &Hash) -> bool {
        hash(&self.body).ct_eq(kept).into()
    }

    /// When a token expires, in milliseconds since the Unix epoch, if one of `keys` signed it.
    pub(crate) fn expires_ms(&self, keys: &[SigningKey]) -> Option<i64> {
        let (expires, signature) = self.body.split_at_checked(8)?;
        let expires_ms = i64::from_be_bytes(expires.try_into().ok()?);
        let signed = |key: &&SigningKey| {
            key.until_ms.is_none_or(|until| expires_ms <= until)
                && key.mac(self.id, expires_ms).verify_slice(signature).is_ok()
        };
        (self.kind == Kind::Token && keys.iter().any(|key| signed(&key))).then_some(expires_ms)
    }
}

impl SigningKey {
    pub(crate) fn token(&self, device: PeerId, expires_ms: i64) -> String {
        let signature = self.mac(device, expires_ms).finalize().into_bytes();
        let body = [&expires_ms.to_be_bytes()[..], &signature].concat();
        format!("{}{device}{}", Kind::Token.prefix(), URL_SAFE_NO_PAD.encode(body))
    }

    fn mac(&self, device: PeerId, expires_ms: i64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret)
            .unwrap_or_else(|_| unreachable!("any length will do"));
        mac.update(b"glasslink token 1\0");
        mac.update(&device.0.to_be_bytes());
        mac.update(&expires_ms.to_be_bytes());
        mac
    }
}

pub(crate) fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new("s3cret")), "[redacted]");
    }

    #[test]
    fn a_key_is_known_by_its_hash_and_says_whose_it_is() {
        let (text, kept) = new_key(Kind::AppKey, PeerId(0xAB)).unwrap();
        let shown = Shown::parse(text.as_bytes()).unwrap();
        assert_eq!((shown.kind, shown.id), (Kind::AppKey, PeerId(0xAB)));
        assert!(shown.is(&kept));
        let (_, another) = new_key(Kind::AppKey, PeerId(0xAB)).unwrap();
        assert!(!shown.is(&another));
        for wrong in ["", "gla_", "gla_00000000000000ab", "glx_00000000000000abAAAA", "gla_größegrößegröße"]
        {
            assert!(Shown::parse(wrong.as_bytes()).is_none_or(|shown| !shown.is(&kept)), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_the_devices_and_ends_when_it_says() {
        let key = SigningKey { secret: [1; 32], until_ms: None };
        let token = key.token(PeerId(7), 1_000);
        let shown = Shown::parse(token.as_bytes()).unwrap();
        assert_eq!((shown.id, shown.expires_ms(std::slice::from_ref(&key))), (PeerId(7), Some(1_000)));
        let other = SigningKey { secret: [2; 32], until_ms: None };
        assert_eq!(shown.expires_ms(std::slice::from_ref(&other)), None);
        assert_eq!(shown.expires_ms(&[other, key.clone()]), Some(1_000));
        let retired = SigningKey { until_ms: Some(999), ..key.clone() };
        assert_eq!(shown.expires_ms(&[retired]), None, "it was signed after the key was retired");
        for changed in [token.replacen("07", "08", 1), token.replace("glt_", "gla_"), format!("{token}AAAA")]
        {
            let shown = Shown::parse(changed.as_bytes());
            assert!(
                shown.is_none_or(|shown| shown.expires_ms(std::slice::from_ref(&key)).is_none()),
                "{changed}"
            );
        }
    }
}

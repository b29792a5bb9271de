use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Fingerprint, OfferSecret};
use crate::ErrorReport;

/// Where a device shows the secret of a QR code.
pub const PAIR_QR: &str = "/v1/pair/qr";

/// Where a device that has a typed code begins.
pub const PAIR_CODE: &str = "/v1/pair/code";

/// Where it shows that it has the code, and sees the relay's own certificate.
pub const PAIR_CONFIRM: &str = "/v1/pair/confirm";

/// Where a device has a token for its key.
pub const TOKEN: &str = "/v1/token";

/// Most bytes of a body of these requests: ten times what the longest has.
pub const MAX_PAIRING_BODY_BYTES: usize = 8 << 10;

/// Body of `POST /v1/pair/qr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QrRequest {
    pub secret: OfferSecret,
    /// What a person calls the device. At most 64 characters count.
    pub name: String,
    /// Name and version of its program.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
}

/// Answer to [`QrRequest`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedResponse {
    /// Which device the relay takes it for; not a secret.
    pub device: String,
    /// Shown for tokens from now on. A secret.
    pub key: String,
}

/// Body of `POST /v1/pair/code`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRequest {
    /// The device's part of SPAKE2, in base64.
    pub message: String,
}

/// Answer to [`ExchangeRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeResponse {
    pub exchange: ExchangeId,
    /// The relay's part of SPAKE2, in base64.
    pub message: String,
}

/// Body of `POST /v1/pair/confirm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmRequest {
    pub exchange: ExchangeId,
    /// The certificate that the device sees; none on this machine without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Fingerprint>,
    /// Proof that the device has the code, over what it sees, in base64.
    pub confirmation: String,
    /// What a person calls the device. At most 64 characters count.
    pub name: String,
    /// Name and version of its program.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
}

/// Answer to [`ConfirmRequest`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmResponse {
    /// Which device the relay takes it for; not a secret.
    pub device: String,
    /// Shown for tokens from now on. A secret.
    pub key: String,
    /// Proof that the relay has the code, over its own certificate, in base64.
    pub confirmation: String,
}

/// Answer to `POST /v1/token`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenResponse {
    /// Shown to every door. A secret.
    pub token: String,
    pub expires_in_ms: u64,
}

/// Why a relay does not pair. The `code` of the error in the answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PairingRefusal {
    /// No offer is open: none was made, it was used, it is over, or was guessed at too often. Begin anew at the relay.
    #[error("the relay offers no pairing at the moment")]
    NoOffer,
    /// The code, or the secret, is not the relay's; or somebody between the two took part. Type it again.
    #[error("the code is not the relay's, or somebody is between this device and the relay")]
    WrongCode,
    /// The device sees another certificate than the relay has: somebody is between the two. Pair in another network.
    #[error("somebody is between this device and the relay")]
    AnotherCertificate,
}

/// One exchange of a typed code: 128 random bits, 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExchangeId(pub u128);

impl PairingRefusal {
    pub const ALL: [Self; 3] = [Self::NoOffer, Self::WrongCode, Self::AnotherCertificate];

    /// Stable, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoOffer => "no_offer",
            Self::WrongCode => "wrong_code",
            Self::AnotherCertificate => "another_certificate",
        }
    }

    /// Of the answer that carries it.
    pub fn status(self) -> u16 {
        match self {
            Self::NoOffer => 410,
            Self::WrongCode | Self::AnotherCertificate => 403,
        }
    }

    /// What the body of a refusal says, where it is one of these.
    pub fn decode(body: &[u8]) -> Option<Self> {
        let report = ErrorReport::decode(body)?;
        Self::ALL.into_iter().find(|known| known.code() == report.code)
    }

    /// One sentence for a person: what to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NoOffer => {
                "Run `glasslink-relay pair` at the relay, and use what it shows within 5 minutes."
            }
            Self::WrongCode => "Read the code again; after five tries the relay wants a new one.",
            Self::AnotherCertificate => "Pair over a network that you trust, or by the QR code.",
        }
    }

    pub fn report(self) -> ErrorReport {
        ErrorReport {
            code: self.code().into(),
            message: self.to_string(),
            remedy: self.remedy().into(),
            ..crate::Cause::Forbidden.report()
        }
    }
}

impl fmt::Debug for PairedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairedResponse").field("device", &self.device).finish_non_exhaustive()
    }
}

impl fmt::Debug for ConfirmResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfirmResponse").field("device", &self.device).finish_non_exhaustive()
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse").field("expires_in_ms", &self.expires_in_ms).finish_non_exhaustive()
    }
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExchangeId({:08x}..)", self.0 >> 96)
    }
}

impl FromStr for ExchangeId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        id.map(Self).ok_or("an exchange is 32 hexadecimal digits")
    }
}

impl Serialize for ExchangeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExchangeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

use crate::error::PairError;
use crate::runtime;

/// What a device keeps of its pairing.
#[derive(Clone, uniffi::Record)]
pub struct Pairing {
    /// All of it, a secret: the keychain is the place for it. `LinkOptions.pairing` takes it.
    pub secret_text: String,
    /// Where the relay is.
    pub url: String,
    /// What the relay calls this device; not a secret.
    pub device: String,
}

/// Pairs this device with a relay by what its QR code holds. `name`: what a person calls the device.
#[uniffi::export]
pub async fn pair_with_qr(offer: String, name: String) -> Result<Pairing, PairError> {
    runtime::run(async move { Ok(glasslink::pairing::pair_with_qr(&offer, &name).await?.into()) }).await
}

/// Pairs this device with the relay at `url` by the code that it shows. `name`: what a person calls the device.
#[uniffi::export]
pub async fn pair_with_code(url: String, code: String, name: String) -> Result<Pairing, PairError> {
    runtime::run(async move { Ok(glasslink::pairing::pair_with_code(&url, &code, &name).await?.into()) })
        .await
}

impl From<glasslink::pairing::Pairing> for Pairing {
    fn from(pairing: glasslink::pairing::Pairing) -> Self {
        Self {
            secret_text: pairing.to_secret_text(),
            url: pairing.url().to_owned(),
            device: pairing.device().to_owned(),
        }
    }
}

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use glasslink_protocol::Cause;
use glasslink_protocol::pairing::{Fingerprint, PairingCode, PairingOffer, QrRequest};
use tokio::time::timeout;

use crate::address::RelayAddress;
use crate::connection::{Connector, Held, Pin, Proxies, ProxyError, Roots};
use crate::pairing::exchange::{Told, by_code, by_secret};
use crate::pairing::{PairError, Pairing};

/// Two requests, over a bad mobile link.
const PATIENCE: Duration = Duration::from_secs(20);

/// Pairs this device with a relay by what its QR code holds. `name`: what a person calls the device.
pub async fn pair_with_qr(offer: &str, name: &str) -> Result<Pairing, PairError> {
    Pair::new(name).with_qr(offer).await
}

/// Pairs this device with the relay at `url` by the code that it shows. `name`: what a person calls the device.
pub async fn pair_with_code(url: &str, code: &str, name: &str) -> Result<Pairing, PairError> {
    Pair::new(name).with_code(url, code).await
}

/// A pairing to be, where a name is not enough.
#[must_use]
#[derive(Clone, Debug)]
pub struct Pair {
    name: String,
    client: String,
    through: Option<SocketAddr>,
    proxies: Result<Proxies, ProxyError>,
}

impl Pair {
    /// `name`: what a person calls the device.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            client: concat!("glasslink ", env!("CARGO_PKG_VERSION")).into(),
            through: None,
            proxies: Ok(Proxies::default()),
        }
    }

    /// Name and version of the program, which the relay's operator sees.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client = name.into();
        self
    }

    /// See [`LinkBuilder::through`](crate::LinkBuilder::through).
    pub fn through(mut self, address: SocketAddr) -> Self {
        self.through = Some(address);
        self
    }

    /// See [`LinkBuilder::proxy`](crate::LinkBuilder::proxy).
    pub fn proxy(mut self, url: &str) -> Self {
        self.proxies = Proxies::given(url);
        self
    }

    /// See [`LinkBuilder::no_proxy`](crate::LinkBuilder::no_proxy).
    pub fn no_proxy(mut self) -> Self {
        self.proxies = Ok(Proxies::None);
        self
    }

    /// By what a QR code holds. Where the certificate at the address is not the one it tells of, nothing is sent.
    pub async fn with_qr(self, offer: &str) -> Result<Pairing, PairError> {
        let PairingOffer { url, secret, certificate } = offer.parse()?;
        let (connector, pin) = self.connector(&url, certificate)?;
        let request = QrRequest { secret, name: self.name, client: self.client };
        match bounded(by_secret(&connector, &request)).await {
            Ok(told) => Ok(stored(url, told, &pin)),
            Err(PairError::Unreachable { cause: Cause::Certificate, .. }) if certificate.is_some() => {
                Err(PairError::AnotherCertificate)
            }
            Err(error) => Err(error),
        }
    }

    /// By a code that a person typed. Neither end shows the code, and both confirm the certificate.
    pub async fn with_code(self, url: &str, code: &str) -> Result<Pairing, PairError> {
        let code: PairingCode = code.parse()?;
        let (connector, pin) = self.connector(url, None)?;
        let seen = || pin.seen().map(|seen| seen.fingerprint);
        let told = bounded(by_code(&connector, &code, seen, (self.name, self.client))).await?;
        Ok(stored(url.trim().to_owned(), told, &pin))
    }

    fn connector(
        &self,
        url: &str,
        certificate: Option<Fingerprint>,
    ) -> Result<(Connector, Arc<Pin>), PairError> {
        let address: RelayAddress = url.parse()?;
        if !address.is_encrypted() && !address.is_this_machine() {
            return Err(PairError::NotEncrypted(url.to_owned()));
        }
        let pin = Arc::new(Pin::learning(certificate));
        let connector = Connector {
            address,
            credentials: None,
            held: Held::default(),
            roots: Arc::default(),
            pinned: Some(Arc::new(Roots::pinned(Arc::clone(&pin)))),
            through: self.through,
            proxies: self.proxies.clone()?,
            only: None,
        };
        Ok((connector, pin))
    }
}

fn stored(url: String, Told { device, key }: Told, pin: &Pin) -> Pairing {
    // An authority's certificate is renewed every few weeks, and the platform knows how to tell that.
    let certificate = pin.seen().filter(|seen| !seen.is_public).map(|seen| seen.fingerprint);
    Pairing { url, device, key, certificate }
}

async fn bounded<T>(pairing: impl Future<Output = Result<T, PairError>>) -> Result<T, PairError> {
    let late = |_| PairError::Unreachable { cause: Cause::Timeout, detail: "no answer".into() };
    timeout(PATIENCE, pairing).await.map_err(late)?
}

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use spake2::{Ed25519Group, Identity, Password, Spake2};

use super::fingerprint::{bytes, text};
use super::{Fingerprint, PairingCode};

/// Which end of an exchange this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Device,
    Relay,
}

/// A key exchange by a code that both ends know (SPAKE2 on Ed25519, RFC 9382's predecessor as in `magic-wormhole`): who
/// does not know the code learns nothing from it but whether one guess was right.
pub struct KeyExchange {
    spake: Spake2<Ed25519Group>,
    message: String,
}

/// A key that whoever had the same code has, too.
pub struct Exchange {
    key: Vec<u8>,
}

/// Proof of having the key, and of seeing the same certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Confirmation(String);

/// The peer's part is none. It is at fault, or not of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer's part of the key exchange is malformed")]
pub struct ExchangeError;

impl KeyExchange {
    pub fn begin(side: Side, code: &PairingCode) -> Self {
        let password = Password::new(code.as_bytes());
        let (device, relay) = (Identity::new(b"glasslink device"), Identity::new(b"glasslink relay"));
        let (spake, message) = match side {
            Side::Device => Spake2::<Ed25519Group>::start_a(&password, &device, &relay),
            Side::Relay => Spake2::<Ed25519Group>::start_b(&password, &device, &relay),
        };
        Self { spake, message: text(&message) }
    }

    /// What the peer is sent.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// `message`: the peer's.
    pub fn finish(self, message: &str) -> Result<Exchange, ExchangeError> {
        let message = bytes::<33>(message).ok_or(ExchangeError)?;
        let key = self.spake.finish(&message).map_err(|_| ExchangeError)?;
        Ok(Exchange { key })
    }
}

impl Exchange {
    /// What `side` proves itself with, where it sees, or has, this certificate.
    pub fn confirmation(&self, side: Side, certificate: Option<Fingerprint>) -> Confirmation {
        Confirmation(text(&self.mac(side, certificate).finalize().into_bytes()))
    }

    /// Whether `confirmation` is `side`'s, and it sees, or has, this certificate. In constant time.
    pub fn confirms(&self, side: Side, certificate: Option<Fingerprint>, confirmation: &str) -> bool {
        let offered = bytes::<32>(confirmation);
        offered.is_some_and(|offered| self.mac(side, certificate).verify_slice(&offered).is_ok())
    }

    fn mac(&self, side: Side, certificate: Option<Fingerprint>) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).unwrap_or_else(|_| unreachable!("any length will do"));
        mac.update(match side {
            Side::Device => b"glasslink pairing 1, device\0",
            Side::Relay => b"glasslink pairing 1, relay\0\0",
        });
        // None and a certificate of zeros are two things.
        mac.update(&[u8::from(certificate.is_some())]);
        mac.update(&certificate.map_or([0; 32], |certificate| certificate.0));
        mac
    }
}

impl Confirmation {
    pub fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(device: u64, relay: u64) -> (Exchange, Exchange) {
        let device = KeyExchange::begin(Side::Device, &PairingCode::from_random(device));
        let relay = KeyExchange::begin(Side::Relay, &PairingCode::from_random(relay));
        let (to_relay, to_device) = (device.message().to_owned(), relay.message().to_owned());
        (device.finish(&to_device).unwrap(), relay.finish(&to_relay).unwrap())
    }

    #[test]
    fn both_confirm_the_same_code_and_certificate() {
        let (device, relay) = both(77, 77);
        for certificate in [None, Some(Fingerprint([1; 32]))] {
            let proof = device.confirmation(Side::Device, certificate).into_text();
            assert!(relay.confirms(Side::Device, certificate, &proof));
            let answer = relay.confirmation(Side::Relay, certificate).into_text();
            assert!(device.confirms(Side::Relay, certificate, &answer));
        }
    }

    // SPEC P19.2
    #[test]
    fn another_code_another_certificate_and_a_proof_thrown_back_confirm_nothing() {
        let seen = Some(Fingerprint([1; 32]));
        let (device, relay) = both(77, 78);
        assert!(!relay.confirms(Side::Device, seen, &device.confirmation(Side::Device, seen).into_text()));
        let (device, relay) = both(77, 77);
        let proof = device.confirmation(Side::Device, seen).into_text();
        for other in [None, Some(Fingerprint([2; 32])), Some(Fingerprint([0; 32]))] {
            assert!(!relay.confirms(Side::Device, other, &proof));
        }
        assert!(!device.confirms(Side::Relay, seen, &proof), "its own proof");
        for malformed in ["", "AAAA", "?"] {
            assert!(!relay.confirms(Side::Device, seen, malformed));
        }
    }

    #[test]
    fn a_peer_that_speaks_nonsense_is_told_from_one_with_another_code() {
        for message in [String::new(), "A".repeat(44), text(&[0x41; 32]), text(&[0xFF; 33])] {
            let exchange = KeyExchange::begin(Side::Relay, &PairingCode::from_random(1));
            assert!(exchange.finish(&message).is_err(), "{message}");
        }
    }
}

//! What devices and relays say to be paired, pinned: one file a message in `golden/pairing/`.

mod support;

use glasslink_protocol::pairing::{
    ConfirmRequest, ConfirmResponse, ExchangeId, ExchangeRequest, ExchangeResponse, Fingerprint, OfferSecret,
    PairedResponse, PairingOffer, PairingRefusal, QrRequest, TokenResponse,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use support::golden::{golden_text, names_in};

const DEVICE: &str = "0123456789abcdef";

fn pinned<T>(name: &str, message: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let encoded = serde_json::to_string(message).unwrap();
    let golden = golden_text(&format!("pairing/{name}.json"), &encoded);
    assert_eq!(encoded, golden, "{name}");
    assert_eq!(&serde_json::from_str::<T>(&golden).unwrap(), message, "{name}");
}

fn confirm_request(certificate: Option<Fingerprint>) -> ConfirmRequest {
    ConfirmRequest {
        exchange: ExchangeId(0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF),
        certificate,
        confirmation: "A".repeat(43),
        name: "Ann's laptop".into(),
        client: if certificate.is_some() { "glasslink 0.1.0".into() } else { String::new() },
    }
}

#[test]
fn every_message_is_written_and_read_as_released() {
    let (exchange, part) = (confirm_request(None).exchange, "B".repeat(44));
    let (secret, key) = (OfferSecret([0xFB; 16]), format!("gld_{DEVICE}{}", "C".repeat(43)));
    let (name, client) = ("Ann's phone".to_owned(), "glasslink 0.1.0".to_owned());
    pinned("qr_request", &QrRequest { secret: secret.clone(), name: name.clone(), client });
    pinned("qr_request_short", &QrRequest { secret, name, client: String::new() });
    pinned("paired", &PairedResponse { device: DEVICE.into(), key: key.clone() });
    pinned("exchange_request", &ExchangeRequest { message: part.clone() });
    pinned("exchange_response", &ExchangeResponse { exchange, message: part });
    pinned("confirm_request", &confirm_request(Some(Fingerprint([0xFB; 32]))));
    pinned("confirm_request_without_tls", &confirm_request(None));
    pinned("confirm_response", &ConfirmResponse { device: DEVICE.into(), key, confirmation: "D".repeat(43) });
    pinned("token", &TokenResponse { token: "glt_0123456789abcdefEEEE".into(), expires_in_ms: 3_600_000 });
    for refusal in PairingRefusal::ALL {
        let code = refusal.code();
        let encoded = serde_json::to_string(&(code, refusal.status())).unwrap();
        assert_eq!(golden_text(&format!("pairing/refused_{code}.json"), &encoded), encoded);
        assert_eq!(PairingRefusal::decode(&serde_json::to_vec(&refusal.report()).unwrap()), Some(refusal));
    }
    assert_eq!(names_in("pairing").len(), 9 + PairingRefusal::ALL.len() + 1, "every file is looked at");
}

#[test]
fn a_qr_code_holds_what_was_released() {
    let offer = PairingOffer {
        url: "https://192.168.1.5:7700".into(),
        secret: OfferSecret([0xFB; 16]),
        certificate: Some(Fingerprint([0xFB; 32])),
    };
    let golden = golden_text("pairing/qr.txt", &offer.to_string());
    assert_eq!(offer.to_string(), golden);
    assert_eq!(golden.parse(), Ok(offer));
}

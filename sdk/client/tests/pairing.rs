//! A device and a relay that did not know each other, and whoever stands between them.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::middle::Middle;
use common::soon;
use glasslink::pairing::{Pair, PairError, Pairing, PairingRefusal, pair_with_code, pair_with_qr};
use glasslink::{Cause, Link, LinkState};
use glasslink_relay::{OfferState, Relay, RelayHandle};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

async fn relay() -> RelayHandle {
    Relay::builder().own_tls().token("the owner's").start().await.unwrap()
}

/// What somebody in the middle makes of a body.
type Rewrite = Arc<dyn Fn(String) -> String + Send + Sync>;

/// Waits for a state of the link.
async fn until(link: &Link, wanted: impl Fn(LinkState) -> bool) -> LinkState {
    let mut states = link.watch_state();
    *timeout(PATIENCE, states.wait_for(|state| wanted(*state))).await.expect("the link gets there").unwrap()
}

async fn live(pairing: &Pairing) -> Link {
    let (link, _) = Link::builder("").paired(pairing).connect().unwrap();
    until(&link, |state| matches!(state, LinkState::Live)).await;
    link
}

fn audited(relay: &RelayHandle, event: &str) -> bool {
    relay.keys().audit().unwrap().iter().any(|entry| entry.event == event)
}

/// The relay writes its audit log beside what it does.
async fn until_audited(relay: &RelayHandle, event: &str) {
    soon(event, async {
        while !audited(relay, event) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// SPEC P19.1
#[tokio::test(flavor = "multi_thread")]
async fn a_clean_client_pairs_by_qr_and_its_link_trusts_that_relay_alone() {
    let relay = relay().await;
    let offer = relay.keys().offer_qr(None).unwrap();
    let text = offer.offer.to_string();
    let pairing = pair_with_qr(&text, "Ann's phone").await.unwrap();
    assert_eq!(pairing.certificate(), relay.fingerprint());
    let Some(OfferState::Paired(device)) = relay.keys().offer_state(offer.number).unwrap() else { panic!() };
    assert_eq!((device.name.as_str(), device.id.as_str()), ("Ann's phone", pairing.device()));
    let stored = pairing.to_secret_text();
    let link = live(&stored.parse().unwrap()).await;
    link.close().await;
    assert!(audited(&relay, "device_paired"));
    let again = pair_with_qr(&text, "Mallory's phone").await.unwrap_err();
    assert!(matches!(again, PairError::Refused(PairingRefusal::NoOffer)), "{again}");
    until_audited(&relay, "pairing_no_offer").await;
}

// SPEC P19.1
#[tokio::test(flavor = "multi_thread")]
async fn a_clean_client_pairs_by_a_typed_code() {
    let relay = relay().await;
    let offer = relay.keys().offer_code(None).unwrap();
    let typed = offer.code.to_string().to_lowercase().replace('-', " ");
    let pairing = pair_with_code(&offer.url, &typed, "Ann's laptop").await.unwrap();
    assert_eq!(pairing.certificate(), relay.fingerprint());
    live(&pairing).await.close().await;
    let again = pair_with_code(&offer.url, &typed, "again").await.unwrap_err();
    assert!(matches!(again, PairError::Refused(PairingRefusal::NoOffer)), "{again}");
}

// SPEC P19.3
#[tokio::test(flavor = "multi_thread")]
async fn after_five_wrong_codes_the_right_one_is_refused_too() {
    let relay = relay().await;
    let offer = relay.keys().offer_code(None).unwrap();
    for left in (0..5).rev() {
        let refused = pair_with_code(&offer.url, "0000-0000", "guesser").await.unwrap_err();
        assert!(matches!(refused, PairError::Refused(PairingRefusal::WrongCode)), "{refused}");
        let state = relay.keys().offer_state(offer.number).unwrap().unwrap();
        let expected = if left > 0 { OfferState::Open { tries_left: left } } else { OfferState::Exhausted };
        assert_eq!(state, expected);
    }
    let refused = pair_with_code(&offer.url, &offer.code.to_string(), "Ann's laptop").await.unwrap_err();
    assert!(matches!(refused, PairError::Refused(PairingRefusal::NoOffer)), "{refused}");
    until_audited(&relay, "pairing_wrong_code").await;
    until_audited(&relay, "pairing_exhausted").await;
    assert!(relay.keys().devices().unwrap().is_empty());
}

// SPEC P19.2
#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_the_middle_of_a_qr_pairing_is_noticed_and_is_shown_nothing() {
    let relay = relay().await;
    let offer = relay.keys().offer_qr(None).unwrap();
    let middle = Middle::before(relay.local_addr(), |body| body).await;
    let paired = Pair::new("Ann's phone").through(middle.address).with_qr(&offer.offer.to_string()).await;
    assert!(matches!(paired, Err(PairError::AnotherCertificate)), "{paired:?}");
    assert_eq!(middle.read(), "", "not a byte of the request was shown");
    // The offer is still good for whoever it was made for.
    pair_with_qr(&offer.offer.to_string(), "Ann's phone").await.unwrap();
}

// SPEC P19.2
#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_the_middle_of_a_typed_code_is_noticed_by_both_and_learns_nothing() {
    let relay = relay().await;
    let own = relay.fingerprint().unwrap();
    // One passes on what it reads; the other makes the relay believe that its own certificate was seen.
    let pass_on = |body: String| body;
    let lie = move |body: String| {
        let Ok(mut request) = serde_json::from_str::<serde_json::Value>(&body) else { return body };
        if let Some(certificate) = request.get_mut("certificate") {
            *certificate = own.to_string().into();
        }
        request.to_string()
    };
    let in_the_middle: [(Rewrite, PairingRefusal, &str); 2] = [
        (Arc::new(pass_on), PairingRefusal::AnotherCertificate, "pairing_another_certificate"),
        (Arc::new(lie), PairingRefusal::WrongCode, "pairing_wrong_code"),
    ];
    for (rewrite, refusal, event) in in_the_middle {
        let offer = relay.keys().offer_code(None).unwrap();
        let middle = Middle::before(relay.local_addr(), move |body| rewrite(body)).await;
        let pair = Pair::new("Ann's laptop").through(middle.address);
        let refused = pair.with_code(&offer.url, &offer.code.to_string()).await.unwrap_err();
        assert!(matches!(refused, PairError::Refused(why) if why == refusal), "{refused}");
        until_audited(&relay, event).await;
        let read = middle.read();
        assert!(read.contains("confirmation"), "it was in the middle: {read}");
        let code = offer.code.to_string();
        assert!(
            !read.contains(&code) && !read.contains(&code.replace('-', "")) && !read.contains("gld_"),
            "{read}"
        );
    }
    assert!(relay.keys().devices().unwrap().is_empty(), "nobody was paired");
}

// SPEC P19.2
#[tokio::test(flavor = "multi_thread")]
async fn who_answers_in_place_of_the_relay_is_not_taken_for_it() {
    let relay = relay().await;
    // The impostor has a relay of its own, and another code.
    let impostor = self::relay().await;
    let offer = relay.keys().offer_code(None).unwrap();
    impostor.keys().offer_code(None).unwrap();
    let pair = Pair::new("Ann's laptop").through(impostor.local_addr());
    let refused = pair.with_code(&offer.url, &offer.code.to_string()).await.unwrap_err();
    assert!(matches!(refused, PairError::Refused(PairingRefusal::WrongCode)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paired_link_shows_its_key_to_nobody_else() {
    let relay = relay().await;
    let pairing =
        pair_with_qr(&relay.keys().offer_qr(None).unwrap().offer.to_string(), "phone").await.unwrap();
    let middle = Middle::before(relay.local_addr(), |body| body).await;
    let (link, _) = Link::builder("").paired(&pairing).through(middle.address).connect().unwrap();
    until(&link, |state| matches!(state, LinkState::Waiting { cause: Cause::Certificate, .. })).await;
    assert_eq!(middle.read(), "");
    link.close().await;
}

// SPEC P19.4
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_revoked_is_told_to_pair_again_while_it_is_live() {
    let relay = relay().await;
    let pairing =
        pair_with_qr(&relay.keys().offer_qr(None).unwrap().offer.to_string(), "phone").await.unwrap();
    let link = live(&pairing).await;
    relay.keys().revoke_device(pairing.device()).unwrap();
    let state = until(&link, |state| matches!(state, LinkState::Refused { .. })).await;
    let LinkState::Refused { cause, remedy } = state else { panic!("{state:?}") };
    assert_eq!(cause, Cause::Unauthorized);
    assert!(remedy.contains("glasslink-relay pair"), "{remedy}");
    link.close().await;
    assert!(audited(&relay, "device_revoked"));
}

// SPEC P19.5
#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_no_longer_count_are_fetched_anew() {
    let data = tempfile::tempdir().unwrap();
    let start = |listen: String| {
        let relay = Relay::builder().own_tls().token("x").data(data.path()).listen(listen.parse().unwrap());
        relay.start()
    };
    let relay = start("127.0.0.1:0".into()).await.unwrap();
    let address = relay.local_addr();
    let pairing =
        pair_with_qr(&relay.keys().offer_qr(None).unwrap().offer.to_string(), "phone").await.unwrap();
    let link = live(&pairing).await;
    // Twice: the token is signed by a key that is gone.
    relay.keys().rotate_signing_key().unwrap();
    relay.keys().rotate_signing_key().unwrap();
    relay.shutdown().await;
    until(&link, |state| !matches!(state, LinkState::Live)).await;
    let relay = start(address.to_string()).await.unwrap();
    assert_eq!(relay.fingerprint(), pairing.certificate(), "it is kept");
    let state = until(&link, |state| matches!(state, LinkState::Live | LinkState::Refused { .. })).await;
    assert!(matches!(state, LinkState::Live), "{state:?}");
    link.close().await;
    relay.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_a_pairing_is_said_before_anything_is_sent() {
    let error = |paired: Result<Pairing, PairError>| paired.unwrap_err().to_string();
    assert!(error(pair_with_code("https://127.0.0.1:1", "K7QF", "x").await).contains("8 letters"));
    assert!(error(pair_with_code("http://192.0.2.1:1", "K7QF-2M9X", "x").await).contains("not encrypted"));
    assert!(error(pair_with_qr("https://example.org", "x").await).contains("glasslink://pair"));
    let secret = "glasslink://pair?v=1&url=http%3A%2F%2F192.0.2.1&secret=AAAAAAAAAAAAAAAAAAAAAA";
    assert!(error(pair_with_qr(secret, "x").await).contains("not encrypted"));
}

#[tokio::test]
async fn on_this_machine_a_relay_without_tls_pairs_too() {
    let relay = Relay::builder().start().await.unwrap();
    let offer = relay.keys().offer_code(None).unwrap();
    let pairing = pair_with_code(&offer.url, &offer.code.to_string(), "desktop").await.unwrap();
    assert_eq!(pairing.certificate(), None);
    live(&pairing).await.close().await;
    let refused = relay.keys().offer_qr(Some("http://192.168.1.5:7700")).unwrap_err();
    assert!(refused.to_string().contains("not encrypted"), "{refused}");
}

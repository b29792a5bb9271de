use std::net::IpAddr;
use std::time::Duration;

use glasslink_protocol::pairing::{Fingerprint, OfferSecret, PairingCode, PairingOffer};
use rusqlite::{OptionalExtension, Transaction};

use crate::identity::audit::{AuditEvent, AuditNote};
use crate::identity::database::{KeysError, millis, now_ms};
use crate::identity::devices::{self, Device, Paired};
use crate::identity::secret::hash;
use crate::identity::{Identity, Keys, PeerId, limits};

/// A code for a person to type at a device.
#[derive(Clone, Debug)]
pub struct CodeOffer {
    /// Names the offer to [`Keys::offer_state`].
    pub number: i64,
    pub code: PairingCode,
    /// Where devices reach the relay.
    pub url: String,
    /// How long it is good.
    pub lasts: Duration,
}

/// A QR code for a device to read.
#[derive(Clone, Debug)]
pub struct QrOffer {
    /// Names the offer to [`Keys::offer_state`].
    pub number: i64,
    /// What the QR code holds, as text. A secret.
    pub offer: PairingOffer,
    /// How long it is good.
    pub lasts: Duration,
}

/// What a device says of itself, and where it is.
pub(crate) struct Newcomer<'a> {
    pub(crate) name: &'a str,
    pub(crate) client: &'a str,
    pub(crate) address: Option<IpAddr>,
}

/// How far a pairing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferState {
    /// Nobody used it yet. So many wrong codes are left.
    Open { tries_left: u32 },
    /// This device did.
    Paired(Box<Device>),
    /// There were five wrong codes: somebody guesses, or misreads. Make another.
    Exhausted,
    /// It was taken back, or another took its place.
    Withdrawn,
    /// Its five minutes are over.
    Over,
}

impl Keys {
    /// Lets one device in that has the code this gives, within five minutes and five tries. Takes the place of the code
    /// before it. `url`: where devices reach the relay, when it is not where the relay says.
    pub fn offer_code(&self, url: Option<&str>) -> Result<CodeOffer, KeysError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let code = PairingCode::from_random(u64::from_ne_bytes(random));
        self.change(|transaction| {
            let (url, _) = address(transaction, url)?;
            transaction.execute(
                "UPDATE offers SET state = 'withdrawn', secret = NULL WHERE state = 'open' AND kind = 'code'",
                [],
            )?;
            let number = make(transaction, "code", code.as_bytes(), limits::TRIES)?;
            Ok(CodeOffer { number, code, url, lasts: limits::OFFER })
        })
    }

    /// Lets one device in that shows the secret this gives, within five minutes.
    pub fn offer_qr(&self, url: Option<&str>) -> Result<QrOffer, KeysError> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret)?;
        self.change(|transaction| {
            let (url, certificate) = address(transaction, url)?;
            let number = make(transaction, "qr", &hash(&secret), 1)?;
            let offer = PairingOffer { url, secret: OfferSecret(secret), certificate };
            Ok(QrOffer { number, offer, lasts: limits::OFFER })
        })
    }

    /// How far an offer is; `None` where there is none of this number.
    pub fn offer_state(&self, number: i64) -> Result<Option<OfferState>, KeysError> {
        self.database.read(|connection| {
            let mut row = connection
                .prepare_cached("SELECT state, tries_left, until_ms, device FROM offers WHERE number = ?1")?;
            let found = row
                .query_row([number], |row| {
                    let device: Option<i64> = row.get(3)?;
                    Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, i64>(2)?, device))
                })
                .optional()?;
            let Some((state, tries_left, until, device)) = found else { return Ok(None) };
            let device =
                device.map(|id| devices::by_id(connection, PeerId(id as u64))).transpose()?.flatten();
            Ok(Some(match (state.as_str(), device) {
                ("open", _) if until > now_ms() => OfferState::Open { tries_left },
                ("paired", Some(device)) => OfferState::Paired(Box::new(device)),
                ("exhausted", _) => OfferState::Exhausted,
                ("open" | "over", _) => OfferState::Over,
                _ => OfferState::Withdrawn,
            }))
        })
    }

    /// Takes an offer back, if it is still open.
    pub fn withdraw(&self, number: i64) -> Result<(), KeysError> {
        self.change(|transaction| {
            transaction.execute(
                "UPDATE offers SET state = 'withdrawn', secret = NULL WHERE number = ?1 AND state = 'open'",
                [number],
            )?;
            Ok(())
        })
    }

    /// Where devices reach the relay, and its certificate, for the offers of other processes.
    pub(crate) fn relay_is_at(&self, url: &str, certificate: Option<Fingerprint>) -> Result<(), KeysError> {
        self.database.change(|transaction| {
            let certificate = certificate.map(|certificate| certificate.0);
            transaction.execute("UPDATE state SET url = ?1, certificate = ?2", (url, certificate))?;
            Ok(())
        })
    }

    /// The relay has another certificate.
    pub(crate) fn certificate_is(&self, certificate: Fingerprint) -> Result<(), KeysError> {
        self.database.change(|transaction| {
            transaction.execute("UPDATE state SET certificate = ?1", [certificate.0])?;
            Ok(())
        })
    }

    /// The device that shows the secret of an open offer, which is used up; `None` where there is no such offer.
    pub(crate) fn pair_by_secret(
        &self,
        secret: &OfferSecret,
        newcomer: &Newcomer<'_>,
    ) -> Result<Option<Paired>, KeysError> {
        self.change(|transaction| {
            // Found by its hash, which tells nothing about the secrets there are.
            let number: Option<i64> = transaction
                .query_row(
                    "SELECT number FROM offers WHERE kind = 'qr' AND state = 'open' AND until_ms > ?1 AND secret = ?2",
                    (now_ms(), hash(&secret.0)),
                    |row| row.get(0),
                )
                .optional()?;
            number.map(|number| paired(transaction, number, newcomer)).transpose()
        })
    }

    /// Begins a try of the typed code that is open: its number, the code, and whether this was the last try.
    pub(crate) fn try_code(&self) -> Result<Option<(i64, PairingCode)>, KeysError> {
        self.change(|transaction| {
            let open: Option<(i64, Vec<u8>)> = transaction
                .query_row(
                    "SELECT number, secret FROM offers WHERE kind = 'code' AND state = 'open' AND tries_left > 0
                     AND until_ms > ?1 ORDER BY number DESC",
                    [now_ms()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let Some((number, code)) = open else { return Ok(None) };
            // Whoever begins has had the try, whether they end it or not.
            transaction.execute("UPDATE offers SET tries_left = tries_left - 1 WHERE number = ?1", [number])?;
            let code = std::str::from_utf8(&code).ok().and_then(|code| code.parse().ok());
            Ok(code.map(|code| (number, code)))
        })
    }

    /// The device that knew the code; `None` where the offer is no longer open.
    pub(crate) fn pair_by_code(
        &self,
        number: i64,
        newcomer: &Newcomer<'_>,
    ) -> Result<Option<Paired>, KeysError> {
        self.change(|transaction| {
            let open: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM offers WHERE number = ?1 AND state = 'open' AND until_ms > ?2)",
                (number, now_ms()),
                |row| row.get(0),
            )?;
            if open { paired(transaction, number, newcomer).map(Some) } else { Ok(None) }
        })
    }

    /// A try was wrong: whether it was the last.
    pub(crate) fn wrong_code(&self, number: i64) -> Result<bool, KeysError> {
        self.change(|transaction| {
            let ended = transaction.execute(
                "UPDATE offers SET state = 'exhausted', secret = NULL
                 WHERE number = ?1 AND state = 'open' AND tries_left = 0",
                [number],
            )?;
            Ok(ended > 0)
        })
    }
}

/// Where devices reach the relay, if that can be trusted not to show their keys.
fn address(
    transaction: &Transaction<'_>,
    given: Option<&str>,
) -> Result<(String, Option<Fingerprint>), KeysError> {
    let (known, certificate): (Option<String>, Option<[u8; 32]>) =
        transaction
            .query_row("SELECT url, certificate FROM state", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let url = given.map(str::to_owned).or(known).ok_or(KeysError::NoAddress)?;
    let is_encrypted = url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    if !is_encrypted && !is_this_machine(&url) {
        return Err(KeysError::NotEncrypted(url));
    }
    Ok((url, certificate.map(Fingerprint).filter(|_| is_encrypted)))
}

fn is_this_machine(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .parse()
        .is_ok_and(|authority: axum::http::uri::Authority| crate::server::is_loopback(authority.host()))
}

fn make(transaction: &Transaction<'_>, kind: &str, secret: &[u8], tries: u32) -> Result<i64, KeysError> {
    let now = now_ms();
    transaction.execute(
        "UPDATE offers SET state = 'over', secret = NULL WHERE state = 'open' AND until_ms <= ?1",
        [now],
    )?;
    transaction
        .execute("DELETE FROM offers WHERE state <> 'open' AND made_ms < ?1", [now - 24 * 3_600_000])?;
    transaction.execute(
        "INSERT INTO offers (kind, secret, made_ms, until_ms, tries_left) VALUES (?1, ?2, ?3, ?4, ?5)",
        (kind, secret, now, now + millis(limits::OFFER), tries),
    )?;
    let number = transaction.last_insert_rowid();
    AuditNote::new(AuditEvent::OfferMade).saying(kind).write(transaction)?;
    Ok(number)
}

fn paired(transaction: &Transaction<'_>, number: i64, newcomer: &Newcomer<'_>) -> Result<Paired, KeysError> {
    let paired = devices::add(transaction, newcomer.name, newcomer.client)?;
    transaction.execute(
        "UPDATE offers SET state = 'paired', secret = NULL, device = ?2 WHERE number = ?1",
        (number, paired.id.0 as i64),
    )?;
    let called = devices::by_id(transaction, paired.id)?.map(|device| device.name).unwrap_or_default();
    AuditNote::new(AuditEvent::DevicePaired)
        .by(Identity::Device(paired.id))
        .from(newcomer.address)
        .saying(called)
        .write(transaction)?;
    Ok(paired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::database::clock::pass;

    // SPEC P19.3
    #[test]
    fn what_a_person_carries_from_screen_to_screen_is_good_for_five_minutes() {
        let keys = Keys::in_memory().unwrap();
        keys.relay_is_at("http://127.0.0.1:1", None).unwrap();
        let newcomer = Newcomer { name: "phone", client: "test", address: None };
        let (code, qr) = (keys.offer_code(None).unwrap(), keys.offer_qr(None).unwrap());
        pass(Duration::from_secs(299));
        let (number, _) = keys.try_code().unwrap().expect("it is open");
        assert_eq!(number, code.number);
        pass(Duration::from_secs(2));
        assert!(keys.try_code().unwrap().is_none());
        assert!(keys.pair_by_code(number, &newcomer).unwrap().is_none(), "a try that was begun in time");
        assert!(keys.pair_by_secret(&qr.offer.secret, &newcomer).unwrap().is_none());
        for number in [code.number, qr.number] {
            assert_eq!(keys.offer_state(number).unwrap(), Some(OfferState::Over));
        }
    }
}

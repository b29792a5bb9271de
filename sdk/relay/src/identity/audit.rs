use std::net::IpAddr;

use rusqlite::{Connection, Row, params};
use serde::Serialize;

use crate::identity::database::{KeysError, millis, now_ms};
use crate::identity::{Identity, Keys, limits};

/// What happened, for whoever has to find out later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditEvent {
    /// The relay started.
    RelayStarted,
    /// A person may pair a device.
    OfferMade,
    DevicePaired,
    DeviceRenamed,
    DeviceRevoked,
    AppAdded,
    AppChanged,
    AppRotated,
    AppRevoked,
    /// Tokens are signed with another key.
    SigningKeyRotated,
    Lockdown,
    /// The relay speaks with another certificate.
    CertificateChanged,
    /// New certificate files cannot be used; the old ones are.
    CertificateBroken,
    /// Credentials that nobody has, or has no longer.
    Unauthorized,
    /// Answers to an address that guesses are held back.
    GuessingSlowed,
    /// An address that guesses is not listened to for a while.
    GuessingRefused,
    /// A web page of another origin.
    OriginRefused,
    /// A name that is not the relay's, as after DNS rebinding.
    HostRefused,
    /// A login to the dashboard that nobody knows.
    LoginRefused,
    /// A change by the dashboard's cookie, without what its pages send along: another page tried.
    CsrfRefused,
    /// A request to a speech engine that is never made, or an answer that is not taken: to a neighbour, elsewhere,
    /// without end.
    OutgoingRefused,
    /// A session of somebody else was asked for.
    ForeignSession,
    /// A request, or message, that no client sends.
    Malformed,
    /// A message, header or body over the bounds.
    TooLarge,
    /// A peer that holds a socket and says nothing, or next to nothing.
    SlowPeer,
    /// More than an identity may have at once.
    LimitReached,
    /// A pairing where there is no offer, or an old one.
    PairingNoOffer,
    PairingWrongCode,
    /// A device saw another certificate than the relay has.
    PairingAnotherCertificate,
    /// The last try of an offer was wrong.
    PairingExhausted,
    /// More happened than could be written; the detail says how much.
    Overflow,
}

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Goes up.
    pub number: i64,
    /// When it happened first, in milliseconds since the Unix epoch, ...
    pub at_ms: i64,
    /// ... and last, where it happened again within a minute.
    pub last_ms: i64,
    /// How often.
    pub times: i64,
    pub event: String,
    /// Who, where that is known: `owner`, `device:0123456789abcdef`.
    pub identity: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// In a few words. Neither secrets nor speech.
    pub detail: Option<String>,
}

/// An event to be written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AuditNote {
    pub(crate) event: AuditEvent,
    pub(crate) identity: Option<Identity>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) detail: Option<String>,
}

/// Rows between two looks at whether there are too many.
const SWEEP: i64 = 128;

impl AuditEvent {
    /// Its name in the log. Stable.
    pub fn name(self) -> &'static str {
        match self {
            Self::RelayStarted => "relay_started",
            Self::OfferMade => "offer_made",
            Self::DevicePaired => "device_paired",
            Self::DeviceRenamed => "device_renamed",
            Self::DeviceRevoked => "device_revoked",
            Self::AppAdded => "app_added",
            Self::AppChanged => "app_changed",
            Self::AppRotated => "app_rotated",
            Self::AppRevoked => "app_revoked",
            Self::SigningKeyRotated => "signing_key_rotated",
            Self::Lockdown => "lockdown",
            Self::CertificateChanged => "certificate_changed",
            Self::CertificateBroken => "certificate_broken",
            Self::Unauthorized => "unauthorized",
            Self::GuessingSlowed => "guessing_slowed",
            Self::GuessingRefused => "guessing_refused",
            Self::OriginRefused => "origin_refused",
            Self::HostRefused => "host_refused",
            Self::LoginRefused => "login_refused",
            Self::CsrfRefused => "csrf_refused",
            Self::OutgoingRefused => "outgoing_refused",
            Self::ForeignSession => "foreign_session",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::SlowPeer => "slow_peer",
            Self::LimitReached => "limit_reached",
            Self::PairingNoOffer => "pairing_no_offer",
            Self::PairingWrongCode => "pairing_wrong_code",
            Self::PairingAnotherCertificate => "pairing_another_certificate",
            Self::PairingExhausted => "pairing_exhausted",
            Self::Overflow => "overflow",
        }
    }

    /// Whether strangers can cause it: such rows never push out the others.
    fn is_of_strangers(self) -> bool {
        !matches!(
            self,
            Self::RelayStarted
                | Self::OfferMade
                | Self::DevicePaired
                | Self::DeviceRenamed
                | Self::DeviceRevoked
                | Self::AppAdded
                | Self::AppChanged
                | Self::AppRotated
                | Self::AppRevoked
                | Self::SigningKeyRotated
                | Self::Lockdown
                | Self::CertificateChanged
                | Self::CertificateBroken
        )
    }
}

impl AuditNote {
    pub(crate) fn new(event: AuditEvent) -> Self {
        Self { event, identity: None, address: None, detail: None }
    }

    #[must_use]
    pub(crate) fn by(self, identity: Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    #[must_use]
    pub(crate) fn from(self, address: impl Into<Option<IpAddr>>) -> Self {
        Self { address: address.into(), ..self }
    }

    #[must_use]
    pub(crate) fn saying(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    pub(crate) fn write(&self, connection: &Connection) -> Result<(), KeysError> {
        let Self { event, identity, address, detail } = self;
        tracing::info!(
            target: "glasslink_relay::audit",
            event = event.name(),
            identity = identity.as_ref().map(tracing::field::display),
            address = address.as_ref().map(tracing::field::display),
            detail,
        );
        let (now, identity) = (now_ms(), identity.as_ref().map(ToString::to_string));
        let address = address.map(|address| address.to_canonical().to_string());
        let merged = connection
            .prepare_cached(
                "UPDATE audit SET times = times + 1, last_ms = ?1 WHERE number = (SELECT number FROM audit
                 WHERE last_ms > ?2 AND event = ?3 AND identity IS ?4 AND address IS ?5 AND detail IS ?6
                 ORDER BY number DESC LIMIT 1)",
            )?
            .execute(params![
                now,
                now - millis(limits::AUDIT_MERGE),
                event.name(),
                identity,
                address,
                detail
            ])?;
        if merged > 0 {
            return Ok(());
        }
        let strangers = event.is_of_strangers();
        connection
            .prepare_cached(
                "INSERT INTO audit (at_ms, last_ms, times, event, strangers, identity, address, detail)
                 VALUES (?1, ?1, 1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![now, event.name(), strangers, identity, address, detail])?;
        if connection.last_insert_rowid() % SWEEP != 0 {
            return Ok(());
        }
        connection
            .prepare_cached(
                "DELETE FROM audit WHERE number IN (SELECT number FROM audit WHERE strangers = ?1
                 ORDER BY number DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![strangers, limits::AUDIT_ROWS])?;
        Ok(())
    }
}

impl Keys {
    /// The audit log, the oldest first.
    pub fn audit(&self) -> Result<Vec<AuditEntry>, KeysError> {
        self.database.read(|connection| {
            let mut rows = connection.prepare_cached(
                "SELECT number, at_ms, last_ms, times, event, identity, address, detail FROM audit ORDER BY number",
            )?;
            let entries = rows.query_map([], entry)?;
            Ok(entries.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        number: row.get(0)?,
        at_ms: row.get(1)?,
        last_ms: row.get(2)?,
        times: row.get(3)?,
        event: row.get(4)?,
        identity: row.get(5)?,
        address: row.get(6)?,
        detail: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(keys: &Keys, notes: impl IntoIterator<Item = AuditNote>) {
        let mut notes = notes.into_iter();
        keys.database.change(|transaction| notes.try_for_each(|note| note.write(transaction))).unwrap();
    }

    fn guess(address: u32) -> AuditNote {
        AuditNote::new(AuditEvent::Unauthorized).from(IpAddr::from(address.to_be_bytes()))
    }

    #[test]
    fn a_flood_from_one_address_is_one_row_with_a_count() {
        let keys = Keys::in_memory().unwrap();
        write(&keys, (0..500).map(|_| guess(1)).chain([guess(2)]));
        let rows = keys.audit().unwrap();
        assert_eq!(rows.iter().map(|row| row.times).collect::<Vec<_>>(), [500, 1]);
        assert_eq!(rows[0].address.as_deref(), Some("0.0.0.1"));
    }

    #[test]
    fn strangers_cannot_push_out_what_matters() {
        let keys = Keys::in_memory().unwrap();
        write(&keys, [AuditNote::new(AuditEvent::DevicePaired).saying("phone")]);
        write(&keys, (0..limits::AUDIT_ROWS + 100).map(guess));
        let rows = keys.audit().unwrap();
        let bound = limits::AUDIT_ROWS as usize + SWEEP as usize;
        assert!((limits::AUDIT_ROWS as usize..=bound).contains(&rows.len()), "{}", rows.len());
        assert_eq!(rows[0].event, "device_paired");
        assert_eq!(rows.last().unwrap().address.as_deref(), Some("0.0.39.115"));
    }
}

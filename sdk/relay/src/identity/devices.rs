use rusqlite::{OptionalExtension, Row, Transaction};
use serde::Serialize;

use crate::identity::audit::{AuditEvent, AuditNote};
use crate::identity::database::{KeysError, millis, now_ms};
use crate::identity::keys::{name, named, new_id};
use crate::identity::secret::{Hash, Kind, Shown, new_key};
use crate::identity::{Identity, Keys, PeerId, limits};

/// A device that was paired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// 16 hexadecimal digits. Not a secret.
    pub id: String,
    /// What its person calls it.
    pub name: String,
    /// Name and version of its program.
    pub client: String,
    /// In milliseconds since the Unix epoch, as the following.
    pub paired_ms: i64,
    /// When it last came for a token: within the hour, while it is connected.
    pub seen_ms: i64,
    /// When it has to pair again if it does not come before.
    pub expires_ms: i64,
    pub revoked_ms: Option<i64>,
}

/// What a device that was paired just now is told.
pub(crate) struct Paired {
    pub(crate) id: PeerId,
    pub(crate) key: String,
}

const COLUMNS: &str = "id, name, client, paired_ms, seen_ms, expires_ms, revoked_ms";

/// How long those that are revoked or expired are remembered.
const FORGET: i64 = 90 * 24 * 3_600_000;

impl Keys {
    /// Every device, and those revoked in the last 90 days, the newest first.
    pub fn devices(&self) -> Result<Vec<Device>, KeysError> {
        self.database.read(|connection| {
            let mut rows = connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM devices ORDER BY paired_ms DESC, id"))?;
            let devices = rows.query_map([], device)?;
            Ok(devices.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Ends a device's pairing. `who`: its id, or its name where only one has it. Its connections close.
    pub fn revoke_device(&self, who: &str) -> Result<Device, KeysError> {
        self.change(|transaction| {
            let id = find(transaction, who)?;
            transaction
                .execute("UPDATE devices SET revoked_ms = ?2 WHERE id = ?1", (id.0 as i64, now_ms()))?;
            let device = by_id(transaction, id)?.ok_or_else(|| KeysError::Unknown(who.to_owned()))?;
            AuditNote::new(AuditEvent::DeviceRevoked)
                .by(Identity::Device(id))
                .saying(device.name.clone())
                .write(transaction)?;
            Ok(device)
        })
    }

    /// Calls a device by another name.
    pub fn rename_device(&self, who: &str, to: &str) -> Result<Device, KeysError> {
        let to = name(to)?;
        self.change(|transaction| {
            let id = find(transaction, who)?;
            transaction.execute("UPDATE devices SET name = ?2 WHERE id = ?1", (id.0 as i64, &to))?;
            AuditNote::new(AuditEvent::DeviceRenamed)
                .by(Identity::Device(id))
                .saying(to)
                .write(transaction)?;
            by_id(transaction, id)?.ok_or_else(|| KeysError::Unknown(who.to_owned()))
        })
    }

    /// The device that has this key, whose time begins anew; `None` where nobody has it, or has it no longer.
    pub(crate) fn device_of(&self, shown: &Shown) -> Result<Option<PeerId>, KeysError> {
        if shown.kind != Kind::DeviceKey {
            return Ok(None);
        }
        // Its times are nothing the relay goes by.
        self.database.change(|transaction| {
            let kept: Option<Hash> = transaction
                .prepare_cached(
                    "SELECT key_hash FROM devices WHERE id = ?1 AND revoked_ms IS NULL AND expires_ms > ?2",
                )?
                .query_row((shown.id.0 as i64, now_ms()), |row| row.get(0))
                .optional()?;
            if !kept.is_some_and(|kept| shown.is(&kept)) {
                return Ok(None);
            }
            let (now, until) = (now_ms(), now_ms() + millis(limits::DEVICE_KEY));
            transaction
                .prepare_cached("UPDATE devices SET seen_ms = ?2, expires_ms = ?3 WHERE id = ?1")?
                .execute((shown.id.0 as i64, now, until))?;
            Ok(Some(shown.id))
        })
    }
}

/// Makes a device.
pub(super) fn add(transaction: &Transaction<'_>, called: &str, client: &str) -> Result<Paired, KeysError> {
    let now = now_ms();
    transaction.execute("UPDATE offers SET device = NULL WHERE made_ms < ?1", [now - FORGET])?;
    transaction.execute(
        "DELETE FROM devices WHERE coalesce(revoked_ms, expires_ms) < ?1 AND id NOT IN
         (SELECT device FROM offers WHERE device IS NOT NULL)",
        [now - FORGET],
    )?;
    let known: u32 =
        transaction
            .query_row("SELECT count(*) FROM devices WHERE revoked_ms IS NULL", [], |row| row.get(0))?;
    if known >= limits::PEERS {
        return Err(KeysError::TooMany);
    }
    let id = new_id()?;
    let (key, kept) = new_key(Kind::DeviceKey, id)?;
    let called = name(called).unwrap_or_else(|_| format!("device {}", &id.to_string()[..4]));
    let client = name(client).unwrap_or_default();
    transaction.execute(
        "INSERT INTO devices (id, name, client, key_hash, paired_ms, seen_ms, expires_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)",
        (id.0 as i64, called, client, kept, now, now + millis(limits::DEVICE_KEY)),
    )?;
    Ok(Paired { id, key })
}

pub(super) fn by_id(transaction: &rusqlite::Connection, id: PeerId) -> Result<Option<Device>, KeysError> {
    let mut row = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM devices WHERE id = ?1"))?;
    Ok(row.query_row([id.0 as i64], device).optional()?)
}

fn find(transaction: &Transaction<'_>, who: &str) -> Result<PeerId, KeysError> {
    let mut rows = transaction.prepare_cached("SELECT id, name FROM devices WHERE revoked_ms IS NULL")?;
    let peers = rows.query_map([], |row| Ok((PeerId(row.get::<_, i64>(0)? as u64), row.get(1)?)))?;
    named(who, peers.collect::<rusqlite::Result<Vec<_>>>()?)
}

fn device(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        id: PeerId(row.get::<_, i64>(0)? as u64).to_string(),
        name: row.get(1)?,
        client: row.get(2)?,
        paired_ms: row.get(3)?,
        seen_ms: row.get(4)?,
        expires_ms: row.get(5)?,
        revoked_ms: row.get(6)?,
    })
}

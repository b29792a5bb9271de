use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Transaction;

use crate::identity::audit::{AuditEvent, AuditNote};
use crate::identity::database::{Database, KeysError, now_ms};
use crate::identity::secret::Hash;
use crate::identity::snapshot::{Live, Snapshot};
use crate::identity::{PeerId, limits};

/// Who is let in: devices that were paired, apps and their keys, and the audit log.
///
/// It is a file of the relay's data folder that the relay and the commands of its operator share: a relay that runs
/// notices within a second what another process changed, and closes the connections of whoever was revoked. The
/// relay's own, [`RelayHandle::keys`](crate::RelayHandle::keys), takes effect at once; where the relay has no data
/// folder it is in memory.
///
/// Each call takes some milliseconds of disk.
#[derive(Clone)]
pub struct Keys {
    pub(crate) database: Database,
    live: Option<Arc<Live>>,
}

/// What [`Keys::lockdown`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockdown {
    /// Devices that have to pair again.
    pub devices: usize,
    /// Apps that need another key.
    pub apps: usize,
    /// Tokens that the relay was started with, which it never takes again.
    pub tokens: usize,
}

impl Keys {
    /// Those of the relay that has this data folder, whether it runs or not.
    pub fn open(folder: &Path) -> Result<Self, KeysError> {
        Ok(Self { database: Database::open(folder, false)?, live: None })
    }

    /// Those of a relay that is about to run; in memory without a folder.
    pub(crate) fn of_relay(folder: Option<&Path>) -> Result<Self, KeysError> {
        let database = match folder {
            Some(folder) => Database::open(folder, true)?,
            None => Database::in_memory()?,
        };
        let keys = Self { database, live: None };
        keys.database.change(|transaction| {
            let any: bool =
                transaction.query_row("SELECT EXISTS (SELECT 1 FROM signing_keys)", [], |row| row.get(0))?;
            if any { Ok(()) } else { new_signing_key(transaction) }
        })?;
        let live = Live::new(Snapshot::read(&keys.database)?);
        Ok(Self { live: Some(Arc::new(live)), ..keys })
    }

    #[cfg(test)]
    pub(crate) fn in_memory() -> Result<Self, KeysError> {
        Self::of_relay(None)
    }

    /// What the relay goes by.
    pub(crate) fn live(&self) -> Option<&Arc<Live>> {
        self.live.as_ref()
    }

    /// Changes, and has a relay of this process go by it before this returns.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, KeysError>,
    ) -> Result<T, KeysError> {
        let done = self.database.change(change)?;
        self.database.scrub()?;
        self.refresh()?;
        Ok(done)
    }

    /// Reads again what the relay goes by, if it changed.
    pub(crate) fn refresh(&self) -> Result<(), KeysError> {
        match &self.live {
            Some(live) => live.refresh(&self.database),
            None => Ok(()),
        }
    }

    /// Notes which tokens a relay is started with, so that a lockdown ends them.
    pub(crate) fn start_tokens(&self, hashes: &[Hash]) -> Result<(), KeysError> {
        self.database.change(|transaction| {
            transaction.execute("DELETE FROM start_tokens WHERE burnt_ms IS NULL", [])?;
            for hash in hashes {
                let is_burnt: bool = transaction.query_row(
                    "SELECT EXISTS (SELECT 1 FROM start_tokens WHERE hash = ?1 AND burnt_ms IS NOT NULL)",
                    [hash],
                    |row| row.get(0),
                )?;
                if is_burnt {
                    return Err(KeysError::Burnt);
                }
                transaction.execute("INSERT OR IGNORE INTO start_tokens (hash) VALUES (?1)", [hash])?;
            }
            Ok(())
        })
    }

    /// Signs tokens with a new key. Those that are signed with the one before are good until they expire: nobody notices.
    pub fn rotate_signing_key(&self) -> Result<(), KeysError> {
        self.change(|transaction| {
            let until = now_ms() + crate::identity::database::millis(limits::TOKEN);
            transaction.execute("DELETE FROM signing_keys WHERE until_ms IS NOT NULL", [])?;
            transaction.execute("UPDATE signing_keys SET until_ms = ?1", [until])?;
            new_signing_key(transaction)?;
            AuditNote::new(AuditEvent::SigningKeyRotated).write(transaction)
        })
    }

    /// Ends everything: devices, apps, tokens and offers. Sessions stay, for the identities they belong to; whoever holds
    /// a token that the relay was started with needs another one, too.
    pub fn lockdown(&self) -> Result<Lockdown, KeysError> {
        self.change(|transaction| {
            let now = now_ms();
            let devices =
                transaction.execute("UPDATE devices SET revoked_ms = ?1 WHERE revoked_ms IS NULL", [now])?;
            let apps =
                transaction.execute("UPDATE apps SET revoked_ms = ?1 WHERE revoked_ms IS NULL", [now])?;
            let tokens =
                transaction.execute("UPDATE start_tokens SET burnt_ms = ?1 WHERE burnt_ms IS NULL", [now])?;
            transaction.execute("DELETE FROM app_keys", [])?;
            transaction.execute("DELETE FROM signing_keys", [])?;
            transaction
                .execute("UPDATE offers SET state = 'withdrawn', secret = NULL WHERE state = 'open'", [])?;
            new_signing_key(transaction)?;
            let detail = format!("{devices} devices, {apps} apps, {tokens} start tokens");
            AuditNote::new(AuditEvent::Lockdown).saying(detail).write(transaction)?;
            Ok(Lockdown { devices, apps, tokens })
        })
    }
}

/// The number of `(who, id, name)` that a person means: by its id, or the start of it, or by its name.
pub(super) fn named(
    who: &str,
    peers: impl IntoIterator<Item = (PeerId, String)>,
) -> Result<PeerId, KeysError> {
    let peers: Vec<_> = peers.into_iter().collect();
    if let Some((id, _)) = peers.iter().find(|(id, _)| id.to_string() == who) {
        return Ok(*id);
    }
    let mut by_name = peers.iter().filter(|(_, name)| name == who);
    match (by_name.next(), by_name.next()) {
        (Some((id, _)), None) => Ok(*id),
        (None, _) => Err(KeysError::Unknown(who.to_owned())),
        (Some(_), Some(_)) => Err(KeysError::Ambiguous(who.to_owned())),
    }
}

/// A name as it is kept: of bounded length, and nothing in it that a terminal would obey.
pub(super) fn name(name: &str) -> Result<String, KeysError> {
    let name: String = name.chars().filter(|c| !c.is_control()).take(limits::NAME_CHARACTERS).collect();
    let name = name.trim();
    if name.is_empty() { Err(KeysError::Name) } else { Ok(name.to_owned()) }
}

/// An id that nobody has.
pub(super) fn new_id() -> Result<PeerId, KeysError> {
    let mut id = [0; 8];
    getrandom::fill(&mut id)?;
    Ok(PeerId(u64::from_be_bytes(id)))
}

fn new_signing_key(transaction: &Transaction<'_>) -> Result<(), KeysError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    transaction.execute("INSERT INTO signing_keys (secret, made_ms) VALUES (?1, ?2)", (secret, now_ms()))?;
    Ok(())
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

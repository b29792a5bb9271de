use rusqlite::{OptionalExtension, Row, Transaction};
use serde::Serialize;

use crate::identity::audit::{AuditEvent, AuditNote};
use crate::identity::database::{KeysError, millis, now_ms};
use crate::identity::keys::{name, named, new_id};
use crate::identity::secret::{Kind, new_key};
use crate::identity::who::App;
use crate::identity::{Identity, Keys, PeerId, limits};

/// A third party's program that may use the relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppEntry {
    /// 16 hexadecimal digits. Not a secret.
    pub id: String,
    pub name: String,
    /// Whether it may see every session, and not only those made with its key.
    pub sees_all: bool,
    /// In milliseconds since the Unix epoch, as the following.
    pub made_ms: i64,
    pub seen_ms: Option<i64>,
    pub revoked_ms: Option<i64>,
    /// Keys that are good: two while one takes the place of the other.
    pub keys: u32,
}

/// Its key is shown this once.
#[derive(Clone)]
pub struct NewAppKey {
    pub app: AppEntry,
    /// A secret.
    pub key: String,
}

impl Keys {
    /// Every app, and those that were revoked, by name.
    pub fn apps(&self) -> Result<Vec<AppEntry>, KeysError> {
        self.database.read(|connection| {
            let mut rows = connection.prepare_cached(&select("ORDER BY apps.name, apps.made_ms"))?;
            let apps = rows.query_map([now_ms()], entry)?;
            Ok(apps.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Lets an app in, with a key of its own.
    pub fn add_app(&self, called: &str, sees_all: bool) -> Result<NewAppKey, KeysError> {
        let called = name(called)?;
        self.change(|transaction| {
            let (known, taken): (u32, bool) = transaction.query_row(
                "SELECT count(*), coalesce(max(name = ?1), 0) FROM apps WHERE revoked_ms IS NULL",
                [&called],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if taken {
                return Err(KeysError::AppExists(called));
            }
            if known >= limits::PEERS {
                return Err(KeysError::TooMany);
            }
            let id = new_id()?;
            transaction.execute(
                "INSERT INTO apps (id, name, sees_all, made_ms) VALUES (?1, ?2, ?3, ?4)",
                (id.0 as i64, &called, sees_all, now_ms()),
            )?;
            let key = add_key(transaction, id)?;
            note(AuditEvent::AppAdded, id, &called).write(transaction)?;
            Ok(NewAppKey { app: by_id(transaction, id, &called)?, key })
        })
    }

    /// Gives an app a new key. The one it has is good for another week, so that nothing stands still; an older one is not.
    pub fn rotate_app(&self, who: &str) -> Result<NewAppKey, KeysError> {
        self.change(|transaction| {
            let id = find(transaction, who)?;
            let until = now_ms() + millis(limits::APP_KEY_OVERLAP);
            transaction
                .execute("DELETE FROM app_keys WHERE app = ?1 AND until_ms IS NOT NULL", [id.0 as i64])?;
            transaction.execute("UPDATE app_keys SET until_ms = ?2 WHERE app = ?1", (id.0 as i64, until))?;
            let key = add_key(transaction, id)?;
            let app = by_id(transaction, id, who)?;
            note(AuditEvent::AppRotated, id, &app.name).write(transaction)?;
            Ok(NewAppKey { app, key })
        })
    }

    /// Ends an app's access. Its connections close.
    pub fn revoke_app(&self, who: &str) -> Result<AppEntry, KeysError> {
        self.change(|transaction| {
            let id = find(transaction, who)?;
            transaction.execute("DELETE FROM app_keys WHERE app = ?1", [id.0 as i64])?;
            transaction.execute("UPDATE apps SET revoked_ms = ?2 WHERE id = ?1", (id.0 as i64, now_ms()))?;
            let app = by_id(transaction, id, who)?;
            note(AuditEvent::AppRevoked, id, &app.name).write(transaction)?;
            Ok(app)
        })
    }
}

fn add_key(transaction: &Transaction<'_>, app: PeerId) -> Result<String, KeysError> {
    let (key, kept) = new_key(Kind::AppKey, app)?;
    transaction.execute(
        "INSERT INTO app_keys (app, key_hash, made_ms) VALUES (?1, ?2, ?3)",
        (app.0 as i64, kept, now_ms()),
    )?;
    Ok(key)
}

pub(super) fn note(event: AuditEvent, id: PeerId, called: &str) -> AuditNote {
    AuditNote::new(event).by(Identity::App(App { id, sees_all: false })).saying(called)
}

fn select(rest: &str) -> String {
    format!(
        "SELECT apps.id, apps.name, apps.sees_all, apps.made_ms, apps.seen_ms, apps.revoked_ms,
         (SELECT count(*) FROM app_keys WHERE app = apps.id AND coalesce(until_ms, ?1 + 1) > ?1) FROM apps {rest}"
    )
}

pub(super) fn by_id(transaction: &Transaction<'_>, id: PeerId, who: &str) -> Result<AppEntry, KeysError> {
    let mut row = transaction.prepare_cached(&select("WHERE apps.id = ?2"))?;
    let found = row.query_row((now_ms(), id.0 as i64), entry).optional()?;
    found.ok_or_else(|| KeysError::Unknown(who.to_owned()))
}

pub(super) fn find(transaction: &Transaction<'_>, who: &str) -> Result<PeerId, KeysError> {
    let mut rows = transaction.prepare_cached("SELECT id, name FROM apps WHERE revoked_ms IS NULL")?;
    let peers = rows.query_map([], |row| Ok((PeerId(row.get::<_, i64>(0)? as u64), row.get(1)?)))?;
    named(who, peers.collect::<rusqlite::Result<Vec<_>>>()?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AppEntry> {
    Ok(AppEntry {
        id: PeerId(row.get::<_, i64>(0)? as u64).to_string(),
        name: row.get(1)?,
        sees_all: row.get(2)?,
        made_ms: row.get(3)?,
        seen_ms: row.get(4)?,
        revoked_ms: row.get(5)?,
        keys: row.get(6)?,
    })
}

impl std::fmt::Debug for NewAppKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAppKey").field("app", &self.app).finish_non_exhaustive()
    }
}

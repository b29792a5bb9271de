use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::watch;

use crate::identity::database::{Database, KeysError};
use crate::identity::secret::{Hash, SigningKey};
use crate::identity::{PeerId, Webhook};

/// Who is let in, as of a moment.
#[derive(Clone, Default)]
pub(crate) struct Snapshot {
    revision: i64,
    pub(crate) signing_keys: Vec<SigningKey>,
    pub(crate) devices: HashSet<PeerId>,
    pub(crate) apps: HashMap<PeerId, AppGrant>,
    /// Tokens the relay was started with that a lockdown ended.
    pub(crate) burnt: HashSet<Hash>,
}

#[derive(Clone)]
pub(crate) struct AppGrant {
    pub(crate) sees_all: bool,
    /// Each with the end of its time, if it has one.
    pub(crate) keys: Vec<(Hash, Option<i64>)>,
    /// Where the relay calls it, if it does.
    pub(crate) webhook: Option<Arc<Webhook>>,
}

/// What a relay goes by, and whoever waits for changes of it.
pub(crate) struct Live(watch::Sender<Arc<Snapshot>>);

impl Snapshot {
    pub(crate) fn read(database: &Database) -> Result<Self, KeysError> {
        // One transaction: what it sees is of one moment.
        database.change(|transaction| {
            let mut snapshot = Self {
                revision: transaction.query_row("SELECT revision FROM state", [], |row| row.get(0))?,
                ..Self::default()
            };
            let mut rows = transaction
                .prepare_cached("SELECT secret, until_ms FROM signing_keys ORDER BY number DESC")?;
            let keys =
                rows.query_map([], |row| Ok(SigningKey { secret: row.get(0)?, until_ms: row.get(1)? }))?;
            snapshot.signing_keys = keys.collect::<rusqlite::Result<_>>()?;
            let mut rows = transaction.prepare_cached("SELECT id FROM devices WHERE revoked_ms IS NULL")?;
            let devices = rows.query_map([], |row| Ok(PeerId(row.get::<_, i64>(0)? as u64)))?;
            snapshot.devices = devices.collect::<rusqlite::Result<_>>()?;
            let mut rows = transaction.prepare_cached(
                "SELECT id, sees_all, name, package, url, permissions, settings FROM apps WHERE revoked_ms IS NULL",
            )?;
            let apps = rows.query_map([], |row| {
                let webhook = Webhook::read(row, 2)?.map(Arc::new);
                let grant = AppGrant { sees_all: row.get(1)?, keys: Vec::new(), webhook };
                Ok((PeerId(row.get::<_, i64>(0)? as u64), grant))
            })?;
            snapshot.apps = apps.collect::<rusqlite::Result<_>>()?;
            let mut rows = transaction.prepare_cached("SELECT app, key_hash, until_ms FROM app_keys")?;
            let mut rows = rows.query([])?;
            while let Some(row) = rows.next()? {
                if let Some(app) = snapshot.apps.get_mut(&PeerId(row.get::<_, i64>(0)? as u64)) {
                    app.keys.push((row.get(1)?, row.get(2)?));
                }
            }
            let mut rows =
                transaction.prepare_cached("SELECT hash FROM start_tokens WHERE burnt_ms IS NOT NULL")?;
            let burnt = rows.query_map([], |row| row.get(0))?;
            snapshot.burnt = burnt.collect::<rusqlite::Result<_>>()?;
            Ok(snapshot)
        })
    }
}

impl Live {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self(watch::Sender::new(Arc::new(snapshot)))
    }

    /// Told of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.subscribe()
    }

    /// Reads everything again where the revision moved.
    pub(crate) fn refresh(&self, database: &Database) -> Result<(), KeysError> {
        let revision = database.read(|connection| {
            Ok(connection.query_row("SELECT revision FROM state", [], |row| row.get::<_, i64>(0))?)
        })?;
        if revision != self.0.borrow().revision {
            let snapshot = Arc::new(Snapshot::read(database)?);
            // Two who read at once: the later reading stays.
            self.0.send_if_modified(|known| {
                let newer = snapshot.revision > known.revision;
                if newer {
                    *known = snapshot;
                }
                newer
            });
        }
        Ok(())
    }
}

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use glasslink_protocol::SessionId;
use metrics::counter;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::housekeeper::{Memory, Repairs};
use super::types::{CatalogError, Found, Listed, SessionKey, SessionState};
use crate::jobs;
use crate::session::Inspection;
use crate::shared::Shared;
use crate::store::{contents, look};

/// Rows read at once.
const PAGE: usize = 500;

/// Compares files, rows and live sessions. A live session's actor is right about it, files are right about the others,
/// and rows are made to follow.
pub(super) async fn reconcile(shared: &Arc<Shared>, memory: &mut Memory) -> Result<Repairs, CatalogError> {
    let mut repairs = Repairs { revived: revive(shared).await, ..Repairs::default() };
    // Before the rows are read, and after: only what holds for both is certain.
    let mut before = HashMap::new();
    for session in shared.registry.list() {
        if let Some(inspection) = shared.registry.inspect(session).await {
            before.insert(session, inspection);
        }
    }
    let archived = archived(shared).await;
    let mut untold: HashMap<&str, SessionId> =
        archived.iter().map(|(name, id)| (name.as_str(), *id)).collect();
    let (mut told, mut doubtful, mut after) = (HashSet::new(), Vec::new(), None);
    loop {
        let rows = shared.catalog.list(after, PAGE).await?;
        for row in &rows {
            if row.state == SessionState::Over
                && row.folder.as_deref().is_some_and(|folder| untold.remove(folder).is_some())
            {
                continue;
            }
            match before.get(&row.key.id).filter(|live| live.key == row.key) {
                Some(live) => {
                    told.insert(row.key);
                    repairs.restated += usize::from(compare(shared, live, row).await?);
                }
                None => doubtful.push(row.key),
            }
        }
        match rows.last() {
            Some(last) if rows.len() == PAGE => after = Some(last.key),
            _ => break,
        }
    }
    for live in before.values().filter(|live| !told.contains(&live.key)) {
        if shared.registry.knows(live.key.id) {
            shared.registry.restate(live.key.id);
            fill(shared, live.key).await?;
            repairs.restated += 1;
        }
    }
    // An archived session that no row tells of: made from its files.
    for (folder, session) in untold {
        if memory.unreadable.contains(folder) {
            continue;
        }
        match read(shared, session, Some(folder.to_owned())).await {
            Some(found) => {
                doubtful.retain(|key| *key != found.key);
                let key = found.key;
                shared.catalog.restore(found, Some(folder.to_owned())).await?;
                jobs::recover(shared, key.id, key.epoch).await;
                repairs.restored += 1;
            }
            None => drop(memory.unreadable.insert(folder.to_owned())),
        }
    }
    // Neither live nor in any file.
    let gone: Vec<SessionKey> = doubtful.into_iter().filter(|key| !shared.registry.knows(key.id)).collect();
    if !gone.is_empty() {
        info!(sessions = gone.len(), "rows without files are removed");
        repairs.forgotten = gone.len();
        shared.catalog.forget(gone).await?;
    }
    repairs.swept = shared.catalog.sweep().await?;
    Ok(repairs)
}

/// Whether the row of a live session has to be told again.
async fn compare(shared: &Arc<Shared>, live: &Inspection, row: &Listed) -> Result<bool, CatalogError> {
    let stale = row.version < live.row.version || row.state == SessionState::Over;
    let short = row.last_event < live.last_event || row.streams < live.streams.len() as u64;
    if stale {
        shared.registry.restate(live.key.id);
    }
    if short {
        fill(shared, live.key).await?;
    }
    Ok(stale || short)
}

/// Brings the streams and events of a live session up to date from its files.
async fn fill(shared: &Arc<Shared>, key: SessionKey) -> Result<(), CatalogError> {
    match read(shared, key.id, None).await {
        Some(found) if found.key == key => shared.catalog.restore(found, None).await,
        _ => Ok(()),
    }
}

async fn read(shared: &Arc<Shared>, session: SessionId, archived: Option<String>) -> Option<Found> {
    let data = Arc::clone(shared.data.as_ref()?);
    let read = spawn_blocking(move || {
        let folder = data.folder(session, archived.as_deref());
        look(&folder).and_then(|log| contents(&log)).map_err(|error| (folder, error))
    });
    match read.await.ok()? {
        Ok(found) => Some(found),
        Err((folder, error)) => {
            warn!(path = %folder.display(), %error, "a session's files tell nothing");
            None
        }
    }
}

async fn archived(shared: &Arc<Shared>) -> Vec<(String, SessionId)> {
    let Some(data) = shared.data.clone() else { return Vec::new() };
    spawn_blocking(move || data.archived()).await.unwrap_or_default()
}

/// Sessions whose task died, and files that no session has: they go on as at the start of a relay.
async fn revive(shared: &Arc<Shared>) -> usize {
    for session in shared.registry.forget_dead() {
        let id = session.to_string();
        error!(session = &id[..8], "the task of a session died");
        counter!("glasslink_relay_orphans_total", "kind" => "session").increment(1);
    }
    let Some(data) = shared.data.clone() else { return 0 };
    let alive = data.alive();
    let mut revived = 0;
    for session in alive {
        if shared.draining.is_cancelled() || shared.registry.knows(session) {
            continue;
        }
        let data = Arc::clone(&data);
        let Ok(Some(found)) = spawn_blocking(move || data.revive(session)).await else { continue };
        let version = shared.known_version(SessionKey { id: session, epoch: found.epoch }).await;
        shared.registry.resume(shared, found, version);
        revived += 1;
    }
    revived
}

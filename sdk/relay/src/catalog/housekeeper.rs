use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use glasslink_protocol::{Cause, ErrorReport, SessionId};
use metrics::counter;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::reconcile::reconcile;
use super::types::{CatalogError, SessionKey};
use crate::shared::Shared;

/// How often files, rows and live sessions are compared.
const EVERY: Duration = Duration::from_mins(1);

/// Keeps files, rows and live sessions in step, and removes what is to be removed. One thing at a time, so that nothing
/// is restored that is being removed.
#[derive(Default)]
pub(crate) struct Housekeeper {
    memory: Mutex<Memory>,
}

/// What is known from one round to the next.
#[derive(Default)]
pub(super) struct Memory {
    /// Archived folders that nothing can be made of.
    pub(super) unreadable: HashSet<String>,
    /// Tasks that no session had.
    stray_tasks: usize,
}

/// What a round put right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repairs {
    /// Live sessions that the catalogue did not have as they are.
    pub(crate) restated: usize,
    /// Sessions whose rows were made from their files.
    pub(crate) restored: usize,
    /// Rows of sessions that have no files.
    pub(crate) forgotten: usize,
    /// Rows of no session.
    pub(crate) swept: usize,
    /// Sessions whose task had died.
    pub(crate) revived: usize,
}

impl Housekeeper {
    /// Compares at once, every minute, and when the catalogue may have lost something.
    pub(crate) fn start(shared: &Arc<Shared>) {
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let stopping = shared.stopping.clone();
            stopping.run_until_cancelled(run(shared)).await;
        });
    }

    /// Compares, and puts right what is not.
    pub(crate) async fn round(&self, shared: &Arc<Shared>) -> Result<Repairs, CatalogError> {
        let mut memory = self.memory.lock().await;
        if let Some(data) = shared.data.clone() {
            let _ = spawn_blocking(move || data.forget_old()).await;
        }
        memory.look_for_strays(shared);
        let repairs = reconcile(shared, &mut memory).await?;
        repairs.tell();
        Ok(repairs)
    }

    /// Removes these lives of a session: what is live of it, its files, its rows, and every word of it that the data
    /// folder has. What fails at the catalogue is done by a later round, since the files are gone by then.
    pub(crate) async fn delete(
        &self,
        shared: &Arc<Shared>,
        session: SessionId,
        lives: &[SessionKey],
        is_alive: bool,
    ) -> Result<(), CatalogError> {
        let _memory = self.memory.lock().await;
        if is_alive {
            shared.registry.end(session, deleted()).await;
        }
        // Where the files are now: those of a live one were only just put away.
        let mut archived = Vec::new();
        let rows = shared.catalog.lives(session).await;
        for (key, row) in rows.as_deref().unwrap_or_default() {
            if lives.contains(key) {
                archived.extend(row.folder.clone());
            }
        }
        if let Some(data) = shared.data.clone() {
            let lives = lives.to_vec();
            let erase = move || {
                // A folder whose row is not written yet, or never will be, tells itself whose it is.
                let found = data.archived().into_iter().filter(|(_, id)| *id == session);
                let ours = found.filter(|(name, _)| {
                    let log = crate::store::look(&data.folder(session, Some(name)));
                    let found = log.and_then(|log| crate::store::contents(&log));
                    found.map_or(true, |found| lives.contains(&found.key))
                });
                archived.extend(ours.map(|(name, _)| name));
                archived.sort_unstable();
                archived.dedup();
                data.erase_session(session, &archived);
            };
            let _ = spawn_blocking(erase).await;
        }
        counter!("glasslink_relay_sessions_deleted_total").increment(1);
        shared.catalog.forget(lives.to_vec()).await
    }
}

async fn run(shared: Arc<Shared>) {
    let mut news = shared.catalog.news();
    loop {
        news.mark_unchanged();
        match shared.housekeeper.round(&shared).await {
            Ok(repairs) if repairs != Repairs::default() => debug!(?repairs, "put right"),
            Ok(_) => {}
            Err(error) => debug!(%error, "not compared"),
        }
        let next = Instant::now() + EVERY;
        tokio::select! {
            () = sleep_until(next) => {}
            Ok(()) = news.changed() => {}
        }
    }
}

impl Memory {
    /// Tasks and sockets that belong to no session. A session that ends has one of both for a moment; what is there
    /// twice in a row stays.
    fn look_for_strays(&mut self, shared: &Shared) {
        let (tasks, sessions) = (shared.sessions.len(), shared.registry.sessions());
        shared.tell();
        let stray = tasks.saturating_sub(sessions);
        if stray > 0 && self.stray_tasks > 0 {
            warn!(stray, "tasks of sessions that are over still run");
            counter!("glasslink_relay_orphans_total", "kind" => "task")
                .increment(stray.min(self.stray_tasks) as u64);
        }
        self.stray_tasks = stray;
    }
}

impl Repairs {
    fn tell(self) {
        let Self { restated, restored, forgotten, swept, revived } = self;
        for (what, count) in
            [("restated", restated), ("restored", restored), ("forgotten", forgotten), ("revived", revived)]
        {
            counter!("glasslink_relay_reconciled_total", "what" => what).increment(count as u64);
        }
        counter!("glasslink_relay_orphans_total", "kind" => "row").increment((swept + forgotten) as u64);
        counter!("glasslink_relay_orphans_total", "kind" => "file").increment((restored + revived) as u64);
    }
}

/// What the client of a session that is deleted hears.
fn deleted() -> ErrorReport {
    ErrorReport {
        code: "session_deleted".to_owned(),
        message: "the session was deleted on the relay".to_owned(),
        remedy: "start a new session".to_owned(),
        ..Cause::Forbidden.report()
    }
}

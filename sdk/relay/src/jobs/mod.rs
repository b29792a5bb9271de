//! Transcribing that nobody waits for: what the engines did not get to while a session was alive, and what somebody
//! asked for again.
//!
//! A job is a row of `relay.db`. Whoever works on it has a lease that runs out unless it is heard of, so that a job is
//! taken up again after whatever became of its worker; what it heard and how far it is are rows, too, so that it goes on
//! where it was. One that gets nowhere three times is set aside, with its reason. Few run at once, in the background of
//! their engine: live speech goes first.

mod limits;
mod requests;
mod rows;
mod runner;
#[cfg(test)]
mod tests;
mod work;

use std::sync::Arc;

use glasslink_protocol::{Epoch, SessionId};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tracing::info;

pub(crate) use requests::{cancel, describe, list, transcribe};
pub(crate) use runner::start;

use crate::clock::unix_micros;
use crate::database::{Database, DatabaseError};
use crate::identity::Identity;
use crate::shared::Shared;
use crate::store::Store;
use rows::{Job, Kind, NewJob};

/// Takes jobs.
pub(crate) struct Jobs {
    database: Arc<Database>,
    /// There may be something to do.
    news: Notify,
    /// This life of the relay.
    holder: i64,
}

impl Jobs {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database, news: Notify::new(), holder: (unix_micros() >> 1) as i64 }
    }

    /// A session is over, and so many of its frames were not transcribed. Never blocks.
    pub(crate) fn left_over(
        &self,
        session: SessionId,
        epoch: Epoch,
        owner: &Identity,
        remote: bool,
        frames: u64,
    ) {
        info!(frames, "a session is over before it was transcribed; that is done in the background");
        let job = NewJob {
            session,
            epoch,
            owner: owner.to_string(),
            kind: Kind::CatchUp,
            engine: None,
            remote,
            from_ms: 0,
            to_ms: None,
            frames,
        };
        self.database.write(256, move |connection| rows::add(connection, &job, now_ms()).map(drop));
        self.news.notify_one();
    }

    /// Somebody asks for a transcript of a session that is over; its number.
    async fn ask(&self, job: NewJob) -> Result<i64, DatabaseError> {
        let number = self.database.call(move |connection| rows::add(connection, &job, now_ms())).await?;
        self.news.notify_one();
        Ok(number)
    }

    async fn find(&self, number: i64) -> Result<Option<Job>, DatabaseError> {
        self.database.read(move |connection| rows::find(connection, number)).await
    }

    /// Whether there was anything to cancel.
    async fn cancel(&self, number: i64) -> Result<bool, DatabaseError> {
        self.database.call(move |connection| rows::cancel(connection, number, now_ms())).await
    }
}

/// A session that is over was found in its files only: if it was not transcribed to its end, and the job for that is as
/// lost as its rows, there is one again.
pub(crate) async fn recover(shared: &Arc<Shared>, session: SessionId, epoch: Epoch) {
    let Some(data) = shared.data.clone() else { return };
    let found = spawn_blocking(move || {
        let (_, found) = data.archived_session(session, epoch)?;
        let waiting = found.link.streams.iter().map(|stream| found.store.held(stream.start.stream).frames);
        Some((waiting.sum::<u64>(), found.identity, found.remote_speech))
    });
    if let Ok(Some((frames, owner, remote))) = found.await
        && frames > 0
        && shared.speech.any_may_have(remote)
    {
        shared.jobs.left_over(session, epoch, &owner, remote, frames);
    }
}

fn now_ms() -> i64 {
    (unix_micros() / 1_000) as i64
}

//! The tables of jobs.

use glasslink_protocol::{Epoch, Final, FrameIndex, SessionId, StreamId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::limits::{ATTEMPTS, KEEP, LEASE, RETRY};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// What no engine got to goes into the session's transcript.
    CatchUp,
    /// Somebody asked for another transcript: it stands beside the session's.
    Again,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Waiting,
    Leased,
    Done,
    Cancelled,
    /// It got nowhere three times, and is set aside.
    Poisoned,
}

#[derive(Clone, Debug)]
pub(super) struct NewJob {
    pub(super) session: SessionId,
    pub(super) epoch: Epoch,
    pub(super) owner: String,
    pub(super) kind: Kind,
    pub(super) engine: Option<String>,
    pub(super) remote: bool,
    pub(super) from_ms: u64,
    pub(super) to_ms: Option<u64>,
    pub(super) frames: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) number: i64,
    pub(super) session: SessionId,
    pub(super) epoch: Epoch,
    pub(super) owner: String,
    pub(super) kind: Kind,
    pub(super) engine: Option<String>,
    pub(super) remote: bool,
    pub(super) from_ms: u64,
    pub(super) to_ms: Option<u64>,
    pub(super) state: State,
    pub(super) attempts: u32,
    pub(super) done_frames: u64,
    pub(super) all_frames: u64,
    pub(super) error: Option<String>,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::CatchUp => "catch_up",
            Self::Again => "again",
        }
    }
}

impl State {
    fn of(word: &str) -> Self {
        match word {
            "waiting" => Self::Waiting,
            "leased" => Self::Leased,
            "done" => Self::Done,
            "cancelled" => Self::Cancelled,
            _ => Self::Poisoned,
        }
    }
}

/// Its number. The one there is, for a session that is being caught up with already.
pub(super) fn add(connection: &Connection, job: &NewJob, now: i64) -> rusqlite::Result<i64> {
    let (id, epoch) = (job.session.0.to_be_bytes(), job.epoch.0 as i64);
    if job.kind == Kind::CatchUp {
        let sql = "SELECT number FROM jobs
            WHERE id = ?1 AND epoch = ?2 AND kind = 'catch_up' AND state IN ('waiting', 'leased')";
        let known = connection.prepare_cached(sql)?.query_row(params![id, epoch], |row| row.get(0));
        if let Some(number) = known.optional()? {
            return Ok(number);
        }
    }
    let sql = "INSERT INTO jobs (id, epoch, owner, kind, engine, remote, from_ms, to_ms, state, attempts,
            not_before_ms, done_frames, all_frames, made_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'waiting', 0, ?9, 0, ?10, ?9)";
    connection.prepare_cached(sql)?.execute(params![
        id,
        epoch,
        job.owner,
        job.kind.word(),
        job.engine,
        job.remote,
        job.from_ms as i64,
        job.to_ms.map(|to| to as i64),
        now,
        job.frames as i64
    ])?;
    let number = connection.last_insert_rowid();
    let old = now - KEEP.as_millis() as i64;
    connection.prepare_cached("DELETE FROM jobs WHERE ended_ms < ?1")?.execute([old])?;
    Ok(number)
}

const COLUMNS: &str =
    "number, id, epoch, owner, kind, engine, remote, from_ms, to_ms, state, attempts, done_frames,
    all_frames, error";

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let number = |index: usize| row.get::<_, i64>(index).map(|number| number as u64);
    Ok(Job {
        number: row.get(0)?,
        session: SessionId(u128::from_be_bytes(row.get(1)?)),
        epoch: Epoch(number(2)?),
        owner: row.get(3)?,
        kind: if row.get::<_, String>(4)? == "again" { Kind::Again } else { Kind::CatchUp },
        engine: row.get(5)?,
        remote: row.get(6)?,
        from_ms: number(7)?,
        to_ms: row.get::<_, Option<i64>>(8)?.map(|to| to as u64),
        state: State::of(&row.get::<_, String>(9)?),
        attempts: number(10)? as u32,
        done_frames: number(11)?,
        all_frames: number(12)?,
        error: row.get(13)?,
    })
}

pub(super) fn find(connection: &Connection, number: i64) -> rusqlite::Result<Option<Job>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE number = ?1");
    connection.prepare_cached(&sql)?.query_row([number], job).optional()
}

/// The newest, of everybody or of one owner.
pub(super) fn list(connection: &Connection, owner: Option<&str>) -> rusqlite::Result<Vec<Job>> {
    let sql =
        format!("SELECT {COLUMNS} FROM jobs WHERE ?1 IS NULL OR owner = ?1 ORDER BY number DESC LIMIT 200");
    connection.prepare_cached(&sql)?.query_map([owner], job)?.collect()
}

/// The next job that is due, for `holder`, whose lease begins now. One whose worker was not heard of in time, or lived
/// in another life of the relay, is due again; `bool`: this is such a one.
pub(super) fn claim(connection: &Connection, holder: i64, now: i64) -> rusqlite::Result<Option<(Job, bool)>> {
    let sql = "SELECT number, state = 'leased' FROM jobs
        WHERE (state = 'waiting' AND not_before_ms <= ?1)
            OR (state = 'leased' AND (lease_ms < ?1 OR holder <> ?2))
        ORDER BY not_before_ms, number LIMIT 1";
    let due = connection.prepare_cached(sql)?.query_row([now, holder], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((number, was_stuck)): Option<(i64, bool)> = due.optional()? else { return Ok(None) };
    let sql = "UPDATE jobs SET state = 'leased', holder = ?2, lease_ms = ?3, attempts = attempts + 1
        WHERE number = ?1";
    connection.prepare_cached(sql)?.execute([number, holder, now + LEASE.as_millis() as i64])?;
    Ok(find(connection, number)?.map(|job| (job, was_stuck)))
}

/// What a worker has to tell.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) finals: Vec<Final>,
    /// How far it is with a stream.
    pub(super) settled: Option<(StreamId, FrameIndex)>,
    pub(super) done_frames: u64,
    pub(super) all_frames: u64,
}

/// Heard of; `false` if the job is not its any more: cancelled, deleted or taken over.
pub(super) fn heard_of(
    connection: &Connection,
    number: i64,
    holder: i64,
    progress: &Progress,
    now: i64,
) -> rusqlite::Result<bool> {
    // Who gets somewhere is no poison.
    let sql =
        "UPDATE jobs SET lease_ms = ?3, attempts = iif(?4 > done_frames, 0, attempts), done_frames = ?4,
            all_frames = ?5
        WHERE number = ?1 AND holder = ?2 AND state = 'leased'";
    let (done, all) = (progress.done_frames as i64, progress.all_frames as i64);
    let lease = now + LEASE.as_millis() as i64;
    if connection.prepare_cached(sql)?.execute([number, holder, lease, done, all])? == 0 {
        return Ok(false);
    }
    for said in &progress.finals {
        let json = serde_json::to_string(said).unwrap_or_default();
        let sql = "INSERT OR REPLACE INTO job_finals (job, stream, at, final) VALUES (?1, ?2, ?3, ?4)";
        connection.prepare_cached(sql)?.execute(params![number, said.stream.0, said.from.0 as i64, json])?;
    }
    if let Some((stream, settled)) = progress.settled {
        let sql = "INSERT OR REPLACE INTO job_streams (job, stream, settled) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute(params![number, stream.0, settled.0 as i64])?;
    }
    Ok(true)
}

/// Everything it heard so far, stream by stream, in order.
pub(super) fn finals(connection: &Connection, number: i64) -> rusqlite::Result<Vec<Final>> {
    let sql = "SELECT final FROM job_finals WHERE job = ?1 ORDER BY stream, at";
    let mut rows = connection.prepare_cached(sql)?;
    let texts = rows.query_map([number], |row| row.get::<_, String>(0))?;
    Ok(texts
        .collect::<rusqlite::Result<Vec<_>>>()?
        .iter()
        .filter_map(|json| serde_json::from_str(json).ok())
        .collect())
}

/// How far it is with each stream it began.
pub(super) fn settled(connection: &Connection, number: i64) -> rusqlite::Result<Vec<(StreamId, FrameIndex)>> {
    let sql = "SELECT stream, settled FROM job_streams WHERE job = ?1";
    let mut rows = connection.prepare_cached(sql)?;
    let settled = rows
        .query_map([number], |row| Ok((StreamId(row.get(0)?), FrameIndex(row.get::<_, i64>(1)? as u64))))?;
    settled.collect()
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// No engine can have it at the moment: no fault of its.
    NoEngine,
    /// It may go better another time.
    Failed(String),
    /// It never will.
    Impossible(String),
}

/// The state it is in then; `None` if it is not this worker's any more.
pub(super) fn ended(
    connection: &Connection,
    number: i64,
    holder: i64,
    outcome: &Outcome,
    now: i64,
) -> rusqlite::Result<Option<State>> {
    let Some(job) = find(connection, number)? else { return Ok(None) };
    let over = "UPDATE jobs SET state = ?3, error = ?4, ended_ms = ?5
        WHERE number = ?1 AND holder = ?2 AND state = 'leased'";
    let again = "UPDATE jobs SET state = 'waiting', error = ?3, not_before_ms = ?4, attempts = ?5
        WHERE number = ?1 AND holder = ?2 AND state = 'leased'";
    let (changed, state) = match outcome {
        Outcome::Done => {
            let changed = connection.prepare_cached(over)?.execute(params![
                number,
                holder,
                "done",
                None::<&str>,
                now
            ])?;
            (changed, State::Done)
        }
        Outcome::Impossible(error) => {
            let values = params![number, holder, "poisoned", error, now];
            (connection.prepare_cached(over)?.execute(values)?, State::Poisoned)
        }
        Outcome::Failed(error) if job.attempts >= ATTEMPTS => {
            let values = params![number, holder, "poisoned", error, now];
            (connection.prepare_cached(over)?.execute(values)?, State::Poisoned)
        }
        Outcome::Failed(error) => {
            let pause = RETRY.as_millis() as i64 * (1 << job.attempts.saturating_sub(1).min(6));
            // Two that failed together do not come back together.
            let pause = pause + pause * (number % 8) / 16;
            let values = params![number, holder, error, now + pause, job.attempts];
            (connection.prepare_cached(again)?.execute(values)?, State::Waiting)
        }
        Outcome::NoEngine => {
            let attempts = job.attempts.saturating_sub(1);
            let values = params![number, holder, None::<&str>, now + RETRY.as_millis() as i64 / 2, attempts];
            (connection.prepare_cached(again)?.execute(values)?, State::Waiting)
        }
    };
    Ok((changed > 0).then_some(state))
}

/// Whether there was anything to cancel.
pub(super) fn cancel(connection: &Connection, number: i64, now: i64) -> rusqlite::Result<bool> {
    let sql = "UPDATE jobs SET state = 'cancelled', ended_ms = ?2
        WHERE number = ?1 AND state IN ('waiting', 'leased')";
    Ok(connection.prepare_cached(sql)?.execute([number, now])? > 0)
}

/// Jobs that wait or run, and those that were set aside.
pub(super) fn counts(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
    let sql = "SELECT count(*) FILTER (WHERE state IN ('waiting', 'leased')),
        count(*) FILTER (WHERE state = 'poisoned') FROM jobs";
    connection
        .prepare_cached(sql)?
        .query_row([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))
}

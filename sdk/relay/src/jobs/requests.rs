//! What can be asked of jobs over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use glasslink_protocol::SessionId;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::rows::{self, Job, Kind, NewJob, State as JobState};
use crate::api::{MOST, Trouble};
use crate::database::DatabaseError;
use crate::identity::Identity;
use crate::shared::Shared;

/// What is wanted; all of it by any engine, where nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// By its name.
    engine: Option<String>,
    /// Stream time.
    from_ms: u64,
    to_ms: Option<u64>,
    /// The caller lets the speech leave the relay's machine.
    remote_speech: bool,
}

/// It has a hundred.
const MOST_BYTES: usize = 8 << 10;

/// `POST /v1/sessions/{id}/transcribe`
pub(crate) async fn transcribe(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Trouble> {
    let caller = caller(&shared, &headers)?;
    let body = to_bytes(body, MOST_BYTES).await.map_err(|_| too_large())?;
    let wanted: Wanted = if body.trim_ascii().is_empty() {
        Wanted::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| bad(format!("the request is not what it should be: {error}")))?
    };
    if wanted.from_ms.max(wanted.to_ms.unwrap_or_default()) > MOST {
        return Err(bad(format!("a time is later than {MOST} ms")));
    }
    if wanted.to_ms.is_some_and(|to| to <= wanted.from_ms) {
        return Err(bad("to_ms is not after from_ms"));
    }
    if let Some(name) = &wanted.engine
        && !shared.speech.views().iter().any(|engine| engine.name == *name)
    {
        let why = format!("there is no engine {name:?}");
        return Err(Trouble::new(StatusCode::NOT_FOUND, "no_engine", why, "look at /readyz for their names"));
    }
    let session: SessionId = id.parse().map_err(|_| no_session())?;
    let data = shared.data.clone().ok_or_else(no_session)?;
    let lives = spawn_blocking(move || data.archived_lives(session)).await.map_err(|_| busy())?;
    // The newest life that the caller may see.
    let ours = |owner: &str| owner.parse::<Identity>().is_ok_and(|owner| caller.may_see(&owner));
    let Some((epoch, owner)) = lives.into_iter().filter(|(_, owner)| ours(owner)).max_by_key(|life| life.0)
    else {
        return Err(if shared.registry.owner(session).is_some_and(|owner| caller.may_see(&owner)) {
            let why = "the session is not over: it is being transcribed";
            Trouble::new(StatusCode::CONFLICT, "not_over", why, "ask again when it is over")
        } else {
            no_session()
        });
    };
    // Only its owner may let it leave.
    let remote = wanted.remote_speech && caller.to_string() == owner;
    let Wanted { engine, from_ms, to_ms, .. } = wanted;
    let job = NewJob { session, epoch, owner, kind: Kind::Again, engine, remote, from_ms, to_ms, frames: 0 };
    let number = shared.jobs.ask(job).await.map_err(|error| trouble(&error))?;
    let location = format!("/v1/jobs/{number}");
    Ok((StatusCode::ACCEPTED, [("location", location)], Json(json!({ "job": number }))).into_response())
}

/// `GET /v1/jobs`: the newest 200 that the caller may see.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Trouble> {
    let caller = caller(&shared, &headers)?;
    let owner = (!caller.may_see(&Identity::Owner)).then(|| caller.to_string());
    let jobs = shared.database.read(move |connection| rows::list(connection, owner.as_deref()));
    let jobs = jobs.await.map_err(|error| trouble(&error))?;
    Ok(Json(json!({ "jobs": jobs.iter().map(shown).collect::<Vec<_>>() })))
}

/// `GET /v1/jobs/{number}`: how it is and, of what was asked for, what was heard so far.
pub(crate) async fn describe(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Trouble> {
    let job = find(&shared, &number, &headers).await?;
    let mut answer = shown(&job);
    if job.kind == Kind::Again {
        let number = job.number;
        let finals = shared.database.read(move |connection| rows::finals(connection, number));
        answer["finals"] = json!(finals.await.map_err(|error| trouble(&error))?);
    }
    Ok(Json(answer))
}

/// `DELETE /v1/jobs/{number}`
pub(crate) async fn cancel(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Trouble> {
    let job = find(&shared, &number, &headers).await?;
    let cancelled = shared.jobs.cancel(job.number).await.map_err(|error| trouble(&error))?;
    if cancelled || job.state == JobState::Cancelled {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Trouble::new(StatusCode::CONFLICT, "job_over", "the job is over", "there is nothing to cancel"))
    }
}

async fn find(shared: &Arc<Shared>, number: &str, headers: &HeaderMap) -> Result<Job, Trouble> {
    let caller = caller(shared, headers)?;
    let no_job = || {
        let remedy = "look at /v1/jobs for those there are";
        Trouble::new(StatusCode::NOT_FOUND, "no_job", "there is no such job", remedy)
    };
    let number: i64 = number.parse().map_err(|_| no_job())?;
    let job = shared.jobs.find(number).await.map_err(|error| trouble(&error))?.ok_or_else(no_job)?;
    let ours = job.owner.parse::<Identity>().is_ok_and(|owner| caller.may_see(&owner));
    if ours { Ok(job) } else { Err(no_job()) }
}

fn caller(shared: &Shared, headers: &HeaderMap) -> Result<Identity, Trouble> {
    let authorization = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let grant = shared.credentials.identify(authorization);
    Ok(grant.ok_or_else(Trouble::unauthorized)?.identity)
}

fn shown(job: &Job) -> Value {
    let progress = match (job.state, job.all_frames) {
        (JobState::Done, _) => 1.0,
        (_, 0) => 0.0,
        (_, all) => (job.done_frames as f64 / all as f64).min(1.0),
    };
    json!({
        "job": job.number,
        "session": job.session.to_string(),
        "kind": job.kind,
        "engine": job.engine,
        "state": job.state,
        "attempts": job.attempts,
        "progress": progress,
        "error": job.error,
    })
}

fn bad(why: impl Into<String>) -> Trouble {
    let remedy = "correct the request: /v1/openapi.json describes it";
    Trouble::new(StatusCode::BAD_REQUEST, "malformed", why, remedy)
}

fn too_large() -> Trouble {
    let why = format!("the request has more than {MOST_BYTES} bytes");
    Trouble::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", why, "send less")
}

fn no_session() -> Trouble {
    let why = "there is no such session among those that are over";
    Trouble::new(StatusCode::NOT_FOUND, "no_session", why, "look at /v1/sessions for those there are")
}

fn busy() -> Trouble {
    Trouble::busy("the relay is busy with other requests")
}

fn trouble(error: &DatabaseError) -> Trouble {
    tracing::debug!(%error, "jobs");
    busy()
}

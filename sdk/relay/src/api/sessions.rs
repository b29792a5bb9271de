use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use glasslink_protocol::{Epoch, SessionId};

use super::answer::{Session, Sessions};
use super::find::Parameters;
use super::{Caller, Trouble};
use crate::catalog::{Page, SessionKey, SessionState};
use crate::shared::Shared;

const DEFAULT: usize = 50;
const MOST: usize = 200;

/// `GET /v1/sessions`: those the caller may see, the newest first.
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<Sessions>, Trouble> {
    let most = parameters.limit(DEFAULT, MOST)?;
    let state = parameters.get::<SessionState>("state", "attached, waiting or over")?;
    let cursor = parameters.text("cursor").map(|cursor| {
        read_cursor(cursor).ok_or_else(|| Trouble::parameter("cursor", "the `next` of an earlier page"))
    });
    let wanted = Page { owner: caller.only(), state, after: cursor.transpose()?, most: most + 1 };
    let mut found = shared.catalog.sessions(wanted).await?;
    let more = found.len() > most;
    found.truncate(most);
    let last = found.last().filter(|_| more);
    let next = last.map(|(key, row)| format!("{}-{}-{}", row.created_ms, key.id, key.epoch.0));
    let sessions = found.into_iter().map(|(key, row)| Session::new(key, row)).collect();
    Ok(Json(Sessions { sessions, next }))
}

fn read_cursor(cursor: &str) -> Option<(u64, SessionKey)> {
    let mut parts = cursor.split('-');
    let created = parts.next()?.parse().ok().filter(|created| i64::try_from(*created).is_ok())?;
    let id = parts.next()?.parse::<SessionId>().ok()?;
    let epoch = parts.next()?.parse().ok().filter(|epoch| i64::try_from(*epoch).is_ok())?;
    parts.next().is_none().then_some((created, SessionKey { id, epoch: Epoch(epoch) }))
}

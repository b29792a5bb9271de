use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Trouble;
use super::answer::{Live, Session, SessionDetail, Stream};
use super::find::Wanted;
use crate::catalog::SessionState;
use crate::shared::Shared;

/// Changes that are shown of a session.
const CHANGES: usize = 500;

/// `GET /v1/sessions/{id}`
pub(super) async fn describe(
    State(shared): State<Arc<Shared>>,
    Wanted { key, row, .. }: Wanted,
) -> Result<Json<SessionDetail>, Trouble> {
    let live = match row.state {
        SessionState::Over => None,
        _ => shared.registry.inspect(key.id).await.filter(|live| live.key == key),
    };
    let streams = shared.catalog.streams(key).await?;
    let changes = shared.catalog.changes(key, CHANGES).await?;
    // The actor is right about what is live.
    let row = live.as_ref().map_or(row, |live| live.row.clone());
    Ok(Json(SessionDetail {
        session: Session::new(key, row),
        streams: streams.into_iter().map(|stream| Stream::new(stream, live.as_ref())).collect(),
        live: live.as_ref().map(Live::new),
        changes,
    }))
}

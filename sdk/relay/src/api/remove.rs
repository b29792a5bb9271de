use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use tracing::info;

use super::Trouble;
use super::find::Wanted;
use crate::catalog::SessionState;
use crate::shared::Shared;

/// `DELETE /v1/sessions/{id}`: nothing stays of it, of all its lives that the caller may see.
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Wanted { caller, key, parameters, .. }: Wanted,
) -> Result<StatusCode, Trouble> {
    let end = parameters.get::<bool>("end", "true or false")?.unwrap_or(false);
    let lives = shared.catalog.lives(key.id).await?;
    let lives = lives.into_iter().filter(|(_, row)| caller.may_see(&row.owner));
    let lives: Vec<_> = match parameters.text("epoch") {
        Some(_) => lives.filter(|(life, _)| *life == key).map(|(key, _)| key).collect(),
        None => lives.map(|(key, _)| key).collect(),
    };
    let live = shared.registry.inspect(key.id).await.filter(|live| lives.contains(&live.key));
    if !end && live.as_ref().is_some_and(|live| live.row.state == SessionState::Attached) {
        return Err(Trouble::new(
            StatusCode::CONFLICT,
            "session_live",
            "a client is connected to the session",
            "end it there, or ask again with ?end=true, which closes the connection for good",
        ));
    }
    let id = key.id.to_string();
    info!(session = &id[..8], by = %caller.identity, "session deleted");
    shared.housekeeper.delete(&shared, key.id, &lives, live.is_some()).await.map_err(|_| {
        Trouble::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "deletion_pending",
            "the session's files are gone; the database takes nothing at the moment, and its rows follow when it does",
            "nothing needs to be done; ask again to be sure",
        )
    })?;
    Ok(StatusCode::NO_CONTENT)
}

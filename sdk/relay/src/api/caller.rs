use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use tokio::time::Instant;

use crate::api::Trouble;
use crate::dashboard;
use crate::identity::Identity;
use crate::shared::Shared;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) identity: Identity,
    /// When its credentials expire.
    pub(crate) until: Option<Instant>,
}

impl Caller {
    pub(crate) fn may_see(&self, owner: &str) -> bool {
        owner.parse::<Identity>().map_or(self.identity.is_admin(), |owner| self.identity.may_see(&owner))
    }

    /// Whose sessions it may see: of everybody without one.
    pub(super) fn only(&self) -> Option<String> {
        let all = self.identity.may_see(&Identity::Owner) && self.identity.may_see(&Identity::Local);
        (!all).then(|| self.identity.to_string())
    }
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Trouble> {
        // A cookie is no good anywhere else: other doors are for programs.
        if parts.uri.path().starts_with("/dashboard/") {
            return dashboard::caller(parts, shared);
        }
        let authorization = parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let grant = shared.credentials.identify(authorization).ok_or_else(Trouble::unauthorized)?;
        Ok(Self { identity: grant.identity, until: grant.until })
    }
}

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use glasslink_protocol::{Epoch, SessionId};

use super::{Caller, Trouble};
use crate::catalog::{SessionKey, SessionRow};
use crate::shared::Shared;

/// The session that a path names: the newest life the caller may see, or the one of `?epoch=`.
pub(super) struct Wanted {
    pub(super) caller: Caller,
    pub(super) key: SessionKey,
    pub(super) row: SessionRow,
    pub(super) parameters: Parameters,
}

/// The largest number that every language's JSON reads exactly.
pub(crate) const MOST: u64 = (1 << 53) - 1;

/// What stands behind the question mark.
#[derive(Debug, Default)]
pub(super) struct Parameters(HashMap<String, String>);

impl Parameters {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `wanted`: what it must be, for a person.
    pub(super) fn get<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, Trouble> {
        let parse = |text: &str| text.parse().map_err(|_| Trouble::parameter(name, wanted));
        self.text(name).map(parse).transpose()
    }

    /// A number from 0 that JSON has exactly, up to [`MOST`].
    pub(super) fn number(&self, name: &str, wanted: &str) -> Result<Option<u64>, Trouble> {
        match self.get(name, wanted)? {
            Some(number) if number > MOST => {
                Err(Trouble::parameter(name, &format!("{wanted}, at most {MOST}")))
            }
            number => Ok(number),
        }
    }

    /// A number of things, within bounds.
    pub(super) fn limit(&self, default: usize, most: usize) -> Result<usize, Trouble> {
        let wanted = format!("a number from 1 to {most}");
        let limit = self.get("limit", &wanted)?.unwrap_or(default);
        if (1..=most).contains(&limit) { Ok(limit) } else { Err(Trouble::parameter("limit", &wanted)) }
    }
}

impl FromRequestParts<Arc<Shared>> for Parameters {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Trouble> {
        let parameters = Query::<HashMap<String, String>>::from_request_parts(parts, shared).await;
        let Query(parameters) =
            parameters.map_err(|_| Trouble::parameter("string", "name=value pairs, joined by &"))?;
        Ok(Self(parameters))
    }
}

impl FromRequestParts<Arc<Shared>> for Wanted {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Trouble> {
        let caller = Caller::from_request_parts(parts, shared).await?;
        let parameters = Parameters::from_request_parts(parts, shared).await?;
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, shared).await;
        let id = path.ok().and_then(|Path(path)| path.get("id")?.parse::<SessionId>().ok());
        let id = id.ok_or_else(Trouble::no_session)?;
        let epoch = parameters.number("epoch", "a number")?.map(Epoch);
        let lives = shared.catalog.lives(id).await?;
        let ours = |(key, row): &(SessionKey, SessionRow)| {
            caller.may_see(&row.owner) && epoch.is_none_or(|epoch| key.epoch == epoch)
        };
        let (key, row) = lives.into_iter().find(ours).ok_or_else(Trouble::no_session)?;
        Ok(Self { caller, key, row, parameters })
    }
}

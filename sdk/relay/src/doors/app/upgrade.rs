use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::response::Response;
use glasslink_protocol::{APP_KEY_SUBPROTOCOL, Cause};

use super::connection;
use crate::doors::link::{accept_key, switch, values};
use crate::identity::{Credentials, Grant};
use crate::server::{Place, Refusal};
use crate::shared::Shared;

/// Answers `GET /v1/app`: who it is, whether there is room, and whether both speak the same language.
pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(place): Extension<Place>,
    mut request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers();
    let grant = identify(&shared.credentials, headers).ok_or(Refusal::new(Cause::Unauthorized))?;
    let accept = accept_key(headers)?;
    if shared.stopping.is_cancelled() || shared.draining.is_cancelled() {
        return Err(Refusal::new(Cause::Restarting));
    }
    if shared.registry.is_crowded() {
        return Err(Refusal::new(Cause::Overloaded));
    }
    let upgraded = hyper::upgrade::on(&mut request);
    shared.connections.spawn(connection::open(Arc::clone(&shared), grant, upgraded, place));
    switch(accept)
}

/// The key is in `Authorization` or, from a browser, which cannot set that, among the subprotocols.
fn identify(credentials: &Credentials, headers: &HeaderMap) -> Option<Grant> {
    if let Some(authorization) = headers.get(AUTHORIZATION) {
        return credentials.identify(Some(authorization.as_bytes()));
    }
    let key =
        values(headers, &SEC_WEBSOCKET_PROTOCOL).find_map(|value| value.strip_prefix(APP_KEY_SUBPROTOCOL));
    let bearer = key.map(|key| format!("Bearer {key}"));
    credentials.identify(bearer.as_deref().map(str::as_bytes))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::identity::{Identity, Secret};

    #[test]
    fn a_key_is_shown_in_the_authorization_or_among_the_subprotocols() {
        let mut credentials = Credentials::default();
        credentials.add(Grant { identity: Identity::Owner, until: None }, &Secret::new("k3y"));
        let identify = |name: &'static str, value: &str| {
            let headers =
                HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_str(value).unwrap())]);
            identify(&credentials, &headers).map(|grant| grant.identity)
        };
        assert_eq!(identify("authorization", "Bearer k3y"), Some(Identity::Owner));
        assert_eq!(
            identify("sec-websocket-protocol", "glasslink.v1, glasslink.key.k3y"),
            Some(Identity::Owner)
        );
        for wrong in
            ["glasslink.v1", "glasslink.key.", "glasslink.key.k3", "k3y", "glasslink.v1 glasslink.key.k3y"]
        {
            assert_eq!(identify("sec-websocket-protocol", wrong), None, "{wrong}");
        }
    }
}

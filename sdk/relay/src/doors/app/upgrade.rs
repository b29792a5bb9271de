use std::borrow::Cow;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::response::Response;
use glasslink_protocol::{APP_KEY_SUBPROTOCOL, Cause};

use super::connection;
use crate::doors::deepgram::of_subprotocols;
use crate::doors::link::{accept_key, switch, values};
use crate::server::{Place, Refusal};
use crate::shared::Shared;

/// Answers `GET /v1/app`: who it is, whether there is room, and whether both speak the same language.
pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(place): Extension<Place>,
    mut request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers();
    let grant = shared.credentials.identify(authorization(headers).as_deref());
    let grant = grant.ok_or(Refusal::new(Cause::Unauthorized))?;
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
pub(crate) fn authorization(headers: &HeaderMap) -> Option<Cow<'_, [u8]>> {
    if let Some(authorization) = headers.get(AUTHORIZATION) {
        return Some(authorization.as_bytes().into());
    }
    let mut subprotocols = values(headers, &SEC_WEBSOCKET_PROTOCOL);
    let ours = subprotocols.find_map(|value| value.strip_prefix(APP_KEY_SUBPROTOCOL));
    let key = ours.or_else(|| of_subprotocols(headers).map(|(_, key)| key))?;
    Some(format!("Bearer {key}").into_bytes().into())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_is_shown_in_the_authorization_or_among_the_subprotocols() {
        let shown = |name: &'static str, value: &str| {
            let headers =
                HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_str(value).unwrap())]);
            authorization(&headers).map(|shown| String::from_utf8(shown.into_owned()).unwrap())
        };
        let key = Some("Bearer k3y".to_owned());
        assert_eq!(shown("authorization", "Bearer k3y"), key);
        assert_eq!(shown("sec-websocket-protocol", "glasslink.v1, glasslink.key.k3y"), key);
        for other in ["glasslink.v1", "k3y", "glasslink.v1 glasslink.key.k3y"] {
            assert_eq!(shown("sec-websocket-protocol", other), None, "{other}");
        }
    }
}

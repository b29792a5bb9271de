use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;

use crate::doors::link::values;

/// The schemes by which browsers show a key, who cannot set `Authorization`: `token, KEY` or `bearer, KEY`.
const SCHEMES: [&str; 2] = ["token", "bearer"];

/// What a client shows among its subprotocols, and the one of them that is to be answered.
pub(crate) fn of_subprotocols(headers: &HeaderMap) -> Option<(&'static str, &str)> {
    let mut offered = values(headers, &SEC_WEBSOCKET_PROTOCOL);
    let first = offered.next()?;
    let scheme = SCHEMES.into_iter().find(|scheme| scheme.eq_ignore_ascii_case(first))?;
    Some((scheme, offered.next().filter(|key| !key.is_empty())?))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_browser_shows_its_key_behind_a_scheme() {
        let shown = |offered: &'static str| {
            let headers = HeaderMap::from_iter([(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offered))]);
            of_subprotocols(&headers).map(|(scheme, key)| (scheme, key.to_owned()))
        };
        assert_eq!(shown("token, k3y"), Some(("token", "k3y".to_owned())));
        assert_eq!(shown("bearer,j.w.t"), Some(("bearer", "j.w.t".to_owned())));
        for other in ["token", "token,", "k3y", "glasslink.v1, token, k3y", ""] {
            assert_eq!(shown(other), None, "{other}");
        }
    }
}

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue};

use crate::identity::AuditEvent;

/// Keeps web pages out: a browser names the page's origin, and the host it believes to speak to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    listening: SocketAddr,
}

impl Guard {
    pub(crate) fn new(listening: SocketAddr) -> Self {
        Self { listening }
    }

    /// Why a request is refused, for a person; `None` when it is not.
    ///
    /// Who listens on loopback is reached by a loopback name only: a page whose name was made to resolve to
    /// 127.0.0.1 sends its own. An origin is the host's own, or none of the relay's.
    pub(crate) fn refuses(&self, headers: &HeaderMap) -> Option<(AuditEvent, &'static str)> {
        let Some(host) = authority(headers.get(HOST)) else {
            return Some((AuditEvent::HostRefused, "the request names no valid host"));
        };
        if self.listening.ip().is_loopback() && !is_loopback(host.host()) {
            return Some((AuditEvent::HostRefused, "this relay is reached by a loopback address only"));
        }
        let origin = headers.get(ORIGIN)?;
        let same = origin.to_str().ok().and_then(|origin| {
            let (_, authority) = origin.split_once("://")?;
            authority.parse::<Authority>().ok()
        });
        (same != Some(host))
            .then_some((AuditEvent::OriginRefused, "the request comes from a page of another origin"))
    }
}

fn authority(value: Option<&HeaderValue>) -> Option<Authority> {
    value?.to_str().ok()?.parse().ok()
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(listening: &str, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        Guard::new(listening.parse().unwrap()).refuses(&headers).is_some()
    }

    #[test]
    fn a_relay_on_loopback_answers_to_loopback_names_only() {
        for host in ["127.0.0.1:7700", "localhost:7700", "[::1]:7700", "LOCALHOST"] {
            assert!(!refused("127.0.0.1:7700", host, None), "{host}");
        }
        for host in ["relay.example", "127.0.0.1.evil.example:7700", "10.0.0.1", ""] {
            assert!(refused("127.0.0.1:7700", host, None), "{host}");
        }
        assert!(!refused("0.0.0.0:7700", "relay.example:7700", None));
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        assert!(!refused("0.0.0.0:80", "relay.example", Some("https://relay.example")));
        assert!(!refused("127.0.0.1:80", "localhost:7700", Some("http://localhost:7700")));
        for origin in ["https://evil.example", "null", "http://localhost:7701", "https://relay.example:444"] {
            assert!(refused("0.0.0.0:80", "relay.example", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn a_request_without_a_host_is_refused() {
        assert!(Guard::new("0.0.0.0:80".parse().unwrap()).refuses(&HeaderMap::new()).is_some());
    }
}

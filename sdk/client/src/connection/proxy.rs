use std::net::IpAddr;
use std::sync::Arc;

use glasslink_protocol::Cause;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::http::Uri;

use super::dial::dial;
use super::open::Wire;
use super::{Failure, Roots};
use crate::address::RelayAddress;

/// Most bytes of a proxy's answer: its headers, and no body.
const MAX_HEAD: usize = 16 << 10;

/// The proxy's address is not one. Nothing of it is repeated: it may have a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a proxy's address is http://HOST:PORT or https://HOST:PORT, with NAME:PASSWORD@ before the host if need be"
)]
pub struct ProxyError;

/// What stands between the link and its relay.
#[derive(Clone, Debug, Default)]
pub(crate) enum Proxies {
    /// What the environment says, or else the system. Not to this machine itself.
    #[default]
    System,
    None,
    /// To wherever the relay is.
    Given(Given),
}

#[derive(Clone, Debug)]
pub(crate) struct Given(Intercept);

impl Proxies {
    pub(crate) fn given(url: &str) -> Result<Self, ProxyError> {
        let all = Matcher::builder().all(url.to_owned()).build();
        let given = all.intercept(&Uri::from_static("https://relay.example")).filter(is_http);
        Ok(Self::Given(Given(given.ok_or(ProxyError)?)))
    }

    /// The proxy on the way to `address`. The system is asked each time: settings change with networks.
    pub(crate) async fn on_the_way(&self, address: &RelayAddress) -> Option<Intercept> {
        match self {
            Self::None => None,
            Self::Given(Given(proxy)) => Some(proxy.clone()),
            Self::System if is_loopback(address.host()) => None,
            Self::System => {
                let matcher = tokio::task::spawn_blocking(Matcher::from_system).await.ok()?;
                matched(&matcher, address)
            }
        }
    }
}

fn matched(matcher: &Matcher, address: &RelayAddress) -> Option<Intercept> {
    let scheme = if address.is_encrypted() { "https" } else { "http" };
    let host = in_url(address.host());
    matcher.intercept(&format!("{scheme}://{host}").parse().ok()?)
}

/// A connection to `address` through `proxy`.
pub(super) async fn tunnel(
    proxy: &Intercept,
    address: &RelayAddress,
    roots: &Arc<Roots>,
) -> Result<Box<dyn Wire>, Failure> {
    if !is_http(proxy) {
        return Err(Failure::new(Cause::Proxy, "only proxies of http:// and https:// are spoken to"));
    }
    let uri = proxy.uri();
    let host = uri.host().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let encrypted = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
    let tcp = dial(host, port).await.map_err(of_proxy)?;
    let mut wire: Box<dyn Wire> = if encrypted {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| Failure::new(Cause::Proxy, &error))?;
        let tls = roots.connector().await?.connect(name, tcp).await;
        Box::new(tls.map_err(|error| of_proxy(Failure::io(&error)))?)
    } else {
        Box::new(tcp)
    };
    let target = format!("{}:{}", in_url(address.host()), address.port());
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(basic) = proxy.basic_auth() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(basic.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let io = |error| of_proxy(Failure::io(&error));
    wire.write_all(&request).await.map_err(io)?;
    wire.flush().await.map_err(io)?;
    let head = head(&mut wire).await?;
    match status(&head) {
        Some(200..=299) => Ok(wire),
        Some(status) => Err(Failure::new(Cause::Proxy, &format!("the proxy answered CONNECT with {status}"))),
        None => Err(Failure::new(Cause::Proxy, "what answered CONNECT is no proxy")),
    }
}

/// What comes up to and with the empty line. No byte more: the next one is the relay's.
async fn head(wire: &mut Box<dyn Wire>) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(Failure::new(Cause::Proxy, "the proxy's answer has no end"));
        }
        head.push(wire.read_u8().await.map_err(|error| of_proxy(Failure::io(&error)))?);
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.")?;
    std::str::from_utf8(line.get(2..5)?).ok()?.parse().ok()
}

/// Whatever goes wrong before the tunnel is there is the proxy's; but for a network that is down.
fn of_proxy(failure: Failure) -> Failure {
    let cause = if failure.cause == Cause::NetworkDown { Cause::NetworkDown } else { Cause::Proxy };
    Failure { cause, ..failure }
}

fn is_http(proxy: &Intercept) -> bool {
    matches!(proxy.uri().scheme_str(), Some("http" | "https"))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A number of IPv6 goes into brackets.
fn in_url(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> RelayAddress {
        text.parse().unwrap()
    }

    // SPEC P18.1
    #[test]
    fn the_proxy_is_the_schemes_unless_the_host_is_excepted() {
        let matcher = Matcher::builder()
            .http("http://plain.example:3128")
            .https("http://me:secret@secure.example:3129")
            .no("intern.example, 10.0.0.0/8")
            .build();
        let proxy = |url: &str| matched(&matcher, &address(url)).map(|proxy| proxy.uri().to_string());
        assert_eq!(proxy("http://relay.example").unwrap(), "http://plain.example:3128/");
        assert_eq!(proxy("wss://relay.example").unwrap(), "http://secure.example:3129/");
        assert_eq!(proxy("https://[2001:db8::1]:9").unwrap(), "http://secure.example:3129/");
        assert_eq!(proxy("https://relay.intern.example"), None);
        assert_eq!(proxy("ws://10.1.2.3:7700"), None);
    }

    // SPEC P18.1
    #[tokio::test]
    async fn no_proxy_leads_to_this_machine_unless_it_was_given() {
        let given = Proxies::given("http://me:secret@proxy.example").unwrap();
        for url in ["http://127.0.0.1:7700", "https://localhost", "ws://[::1]:1", "ws://a.localhost."] {
            assert!(Proxies::System.on_the_way(&address(url)).await.is_none(), "{url}");
            assert!(given.on_the_way(&address(url)).await.is_some(), "{url}");
        }
        assert!(Proxies::None.on_the_way(&address("https://relay.example")).await.is_none());
        assert!(!format!("{given:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_proxy_is_said_without_repeating_it() {
        for url in ["", "socks5://proxy.example", "http://", "a b"] {
            let error = Proxies::given(url).unwrap_err();
            assert!(!error.to_string().contains("proxy.example"), "{url}");
        }
    }

    #[test]
    fn answers_are_read_by_their_status() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407 x\r\n\r\n"), Some(407));
        for wrong in [&b"SSH-2.0\r\n\r\n"[..], b"HTTP/1.1 \r\n\r\n", b""] {
            assert_eq!(status(wrong), None);
        }
    }
}

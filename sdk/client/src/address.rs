use std::fmt;
use std::str::FromStr;

use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::http::uri::PathAndQuery;

/// Path of the Glasslink door on a relay.
const DOOR: &str = "/v1/link";

/// Where a relay is. The one place that knows about schemes, default ports and the door's path.
///
/// `http`, `https`, `ws` and `wss` are the same here but for TLS. Without a path that ends in the door's, the door's is
/// added.
///
/// ```
/// let address: glasslink::RelayAddress = "https://relay.example".parse()?;
/// assert_eq!(address.to_string(), "wss://relay.example/v1/link");
/// assert_eq!((address.host(), address.port()), ("relay.example", 443));
/// # Ok::<(), glasslink::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayAddress {
    host: String,
    port: u16,
    tls: bool,
    uri: Uri,
}

/// Why an address is not a relay's. Correct it as the message says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not a URL with a host.
    #[error("\"{0}\" is not an address: write it as https://relay.example")]
    Malformed(String),
    /// The scheme is neither `http`, `https`, `ws` nor `wss`.
    #[error("a relay's address begins with https://, http://, wss:// or ws://, not with \"{0}\"")]
    Scheme(String),
    /// Addresses end up in logs; a name and password in them would, too. Give a token instead.
    #[error("an address must not contain credentials: give the token apart from it")]
    Credentials,
    /// A relay's address has no query; tokens never go there.
    #[error("a relay's address has no query (the part from \"?\" on): give a token apart from it")]
    Query,
}

impl RelayAddress {
    /// Name or number, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn is_encrypted(&self) -> bool {
        self.tls
    }

    /// Whether it leads to this machine, whatever the network.
    pub(crate) fn is_this_machine(&self) -> bool {
        let ip = self.host.parse::<std::net::IpAddr>();
        self.host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
    }

    /// The path of another of the relay's addresses, `/v1/...`.
    pub(crate) fn beside(&self, path: &str) -> String {
        let base = self.uri.path();
        format!("{}{path}", base.strip_suffix(DOOR).unwrap_or(base))
    }

    /// With scheme `ws` or `wss`.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl FromStr for RelayAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let malformed = || AddressError::Malformed(without_secrets(text));
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let scheme = uri.scheme_str().ok_or_else(malformed)?.to_ascii_lowercase();
        let tls = match scheme.as_str() {
            "https" | "wss" => true,
            "http" | "ws" => false,
            _ => return Err(AddressError::Scheme(scheme)),
        };
        let authority = uri.authority().ok_or_else(malformed)?;
        if authority.as_str().contains('@') {
            return Err(AddressError::Credentials);
        }
        if uri.query().is_some() {
            return Err(AddressError::Query);
        }
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port_is_fine = authority.as_str().len() == authority.host().len() || authority.port().is_some();
        if host.is_empty() || !port_is_fine {
            return Err(malformed());
        }
        let base = uri.path().trim_end_matches('/');
        let path = if base.ends_with(DOOR) { base.to_owned() } else { format!("{base}{DOOR}") };
        let uri = Uri::builder()
            .scheme(if tls { "wss" } else { "ws" })
            .authority(authority.as_str())
            .path_and_query(PathAndQuery::try_from(path).map_err(|_| malformed())?)
            .build()
            .map_err(|_| malformed())?;
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { host: host.to_owned(), port, tls, uri })
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

/// What may be shown of a text that should have been an address.
fn without_secrets(text: &str) -> String {
    let end = text.find('?').unwrap_or(text.len());
    let start = text[..end].rfind('@').map_or(0, |at| at + 1);
    text[start..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RelayAddress, AddressError> {
        text.parse()
    }

    fn uri(text: &str) -> String {
        parse(text).unwrap().to_string()
    }

    #[test]
    fn four_schemes_lead_to_the_same_door() {
        for text in ["http://relay.example", "ws://relay.example/", "WS://relay.example/v1/link"] {
            assert_eq!(uri(text), "ws://relay.example/v1/link");
        }
        for text in ["https://relay.example/", "wss://relay.example/v1/link/"] {
            assert_eq!(uri(text), "wss://relay.example/v1/link");
        }
        assert_eq!(uri(" https://a.example:8443/glass "), "wss://a.example:8443/glass/v1/link");
    }

    #[test]
    fn host_and_port_are_what_a_socket_wants() {
        let address = parse("wss://[::1]:9000").unwrap();
        assert_eq!((address.host.as_str(), address.port, address.tls), ("::1", 9000, true));
        assert_eq!(parse("ws://a.example").unwrap().port, 80);
        assert_eq!(parse("https://a.example").unwrap().port, 443);
    }

    // SPEC P15.1
    #[test]
    fn secrets_in_an_address_are_refused_and_not_repeated() {
        assert_eq!(parse("wss://me:secret@a.example"), Err(AddressError::Credentials));
        assert_eq!(parse("wss://a.example/?token=secret"), Err(AddressError::Query));
        let error = parse("me:secret@a example?token=secret").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn what_is_no_address_is_a_typed_error() {
        for text in
            ["", "relay.example", "127.0.0.1:8080", "ws://", "ws:///v1", "ws://a:99999", "ws://a:x", "a b"]
        {
            let error = parse(text).unwrap_err();
            assert!(matches!(error, AddressError::Malformed(_) | AddressError::Scheme(_)), "{text}: {error}");
        }
        assert_eq!(parse("ftp://a.example"), Err(AddressError::Scheme("ftp".into())));
    }
}

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;

use super::OutgoingError;

/// Scheme, host and port: what is registered. `ws` and `wss` count as `http` and `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub(super) tls: bool,
    /// Lower case, without brackets and without the dot at the end.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    pub fn of(uri: &Uri) -> Result<Self, OutgoingError> {
        let malformed = || OutgoingError::Malformed;
        let tls = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => return Err(malformed()),
        };
        let authority = uri.authority().ok_or_else(malformed)?;
        // They would end up in logs.
        if authority.as_str().contains('@') {
            return Err(malformed());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if host.is_empty() {
            return Err(malformed());
        }
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str().len() == authority.host().len() => [80, 443][usize::from(tls)],
            // A port it has, that is none.
            None => return Err(malformed()),
        };
        Ok(Self { tls, host, port })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is written as an address of this machine, so that it cannot be anything else.
    pub(crate) fn is_this_machine(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// As the header `Host` has it.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == [80, 443][usize::from(self.tls)] { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str) -> Result<String, OutgoingError> {
        Ok(Origin::of(&uri.parse().map_err(|_| OutgoingError::Malformed)?)?.to_string())
    }

    #[test]
    fn one_origin_has_one_form() {
        for same in ["https://api.example", "wss://API.example.:443/v1?x=y", "https://api.example/"] {
            assert_eq!(of(same).unwrap(), "https://api.example");
        }
        assert_eq!(of("ws://[::1]:8000/").unwrap(), "http://[::1]:8000");
    }

    #[test]
    fn what_is_no_web_address_or_has_credentials_in_it_is_none() {
        for bad in
            ["ftp://x.example", "/v1", "https://", "https://user:pass@x.example", "https://x.example:99999"]
        {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}

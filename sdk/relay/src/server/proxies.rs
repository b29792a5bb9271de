use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};

/// Who passed a request on, the client first. Whoever sends it may have made up all but the last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses that begin with the same bits: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// What is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is written as 10.0.0.0/8, fd00::/8 or 192.168.0.7")]
pub struct NetworkError;

/// The proxies whose word counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(Vec<Network>);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| NetworkError))?;
        if bits > most { Err(NetworkError) } else { Ok(Self { address, bits }) }
    }
}

impl Network {
    fn has(&self, address: IpAddr) -> bool {
        let share = |ours: u128, theirs: u128, size: u32| {
            // All of the bits may differ where none is meant.
            (ours ^ theirs).checked_shr(size - self.bits).unwrap_or_default() == 0
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                share(ours.to_bits().into(), theirs.to_bits().into(), 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => share(ours.to_bits(), theirs.to_bits(), 128),
            _ => false,
        }
    }
}

impl Proxies {
    pub(crate) fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Who is behind a request that came from `peer`: each proxy that is trusted says who it had it from.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.trusts(peer.ip()) {
            return peer;
        }
        let values = headers.get_all(FORWARDED_FOR).iter().rev();
        let hops = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        let mut client = peer;
        for hop in hops {
            // What is no address was made up, or is nobody's to be counted by.
            let Some(address) = address(hop.trim()) else { return client };
            client = SocketAddr::new(address, 0);
            if !self.trusts(address) {
                return client;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }
}

/// Some proxies name the port, too.
fn address(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse().ok().map(|address: SocketAddr| address.ip());
    hop.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let proxies = Proxies::new(trusted.iter().map(|network| network.parse().unwrap()).collect());
        let values = forwarded.iter().map(|value| (FORWARDED_FOR, HeaderValue::from_str(value).unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(name, value);
        }
        proxies.client(SocketAddr::new(peer.parse().unwrap(), 443), &headers).ip().to_string()
    }

    #[test]
    fn only_a_proxy_that_is_trusted_says_who_is_behind_it() {
        assert_eq!(client(&[], "10.0.0.1", &["9.9.9.9"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["9.9.9.9"]), "9.9.9.9");
        assert_eq!(client(&["10.0.0.0/8"], "11.0.0.1", &["9.9.9.9"]), "11.0.0.1");
        assert_eq!(client(&["fd00::/8"], "fd12::1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(client(&["10.0.0.1"], "::ffff:10.0.0.1", &["9.9.9.9:1234"]), "9.9.9.9");
    }

    #[test]
    fn the_last_hop_that_is_not_trusted_counts_whatever_was_said_before_it() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client(&trusted, "10.0.0.1", &["127.0.0.1, 6.6.6.6, 10.0.0.2"]), "6.6.6.6");
        assert_eq!(client(&trusted, "10.0.0.1", &["127.0.0.1", "6.6.6.6"]), "6.6.6.6");
        assert_eq!(client(&trusted, "10.0.0.1", &["6.6.6.6, nonsense"]), "10.0.0.1");
        assert_eq!(client(&trusted, "10.0.0.1", &["10.0.0.3"]), "10.0.0.3", "all are ours");
        assert_eq!(client(&trusted, "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client(&["0.0.0.0/0"], "10.0.0.1", &["1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn what_is_no_network_is_said() {
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "proxy.example", "10.0.0.0/-1"] {
            assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong}");
        }
    }
}

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use super::Failure;

/// The next address is tried when one has not answered for this long (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// Connects to whichever of the host's addresses answers first, so that one family that leads nowhere costs a
/// quarter of a second and not the attempt.
pub(crate) async fn dial(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let addresses = tokio::net::lookup_host((host, port)).await.map_err(|error| Failure::dns(&error))?;
    let stream = race(families_in_turn(addresses.collect())).await?;
    // Messages are small and each is wanted at once.
    stream.set_nodelay(true).map_err(|error| Failure::io(&error))?;
    Ok(stream)
}

async fn race(addresses: Vec<SocketAddr>) -> Result<TcpStream, Failure> {
    let mut rest = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = Failure::dns(&io::Error::other("the name has no address"));
    loop {
        match rest.next() {
            Some(address) => attempts.push(TcpStream::connect(address)),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        let more = rest.len() > 0;
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = Failure::io(&error),
            },
            () = tokio::time::sleep(STAGGER), if more => {}
        }
    }
}

/// The resolver's order, but the families alternate, beginning with the first one's.
fn families_in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().map(SocketAddr::is_ipv6) else { return addresses };
    let (mut own, mut other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first);
    let mut order = Vec::with_capacity(own.len() + other.len());
    own.reverse();
    other.reverse();
    while let Some(address) = own.pop() {
        order.push(address);
        order.extend(other.pop());
    }
    other.reverse();
    order.extend(other);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_alternate() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (six, seven, four) = (at("[::6]:1"), at("[::7]:1"), at("10.0.0.4:1"));
        assert_eq!(families_in_turn(vec![six, seven, four]), [six, four, seven]);
        assert_eq!(families_in_turn(vec![four, six, seven]), [four, six, seven]);
        assert_eq!(families_in_turn(vec![]), []);
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_end_the_attempt() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            gone.local_addr().unwrap()
        };
        assert_eq!(race(vec![closed, open]).await.unwrap().peer_addr().unwrap(), open);
        assert_eq!(race(vec![closed]).await.unwrap_err().cause, glasslink_protocol::Cause::ConnectionRefused);
    }
}

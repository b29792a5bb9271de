use tokio::io::{AsyncRead, AsyncReadExt};

/// More than a request's beginning has.
const MAX_BYTES: usize = 12 << 10;
const MAX_HEADERS: usize = 100;

/// How a connection begins.
pub(crate) enum Beginning {
    /// With an HTTP request; its bytes, and perhaps some behind it.
    Request(Head, Vec<u8>),
    /// With something else.
    Other(Vec<u8>),
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// Without the query, which may hold a secret.
    pub(crate) path: String,
    /// Without the port.
    pub(crate) host: String,
    pub(crate) upgrade: bool,
}

/// Reads as much as it takes to tell.
pub(crate) async fn beginning(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Beginning> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&bytes) {
            Ok(httparse::Status::Complete(_)) => {
                let head = Head::new(&request);
                return Ok(Beginning::Request(head, bytes));
            }
            Ok(httparse::Status::Partial) if bytes.len() < MAX_BYTES && may_be_a_method(&bytes) => {}
            _ => return Ok(Beginning::Other(bytes)),
        }
        if from.read_buf(&mut bytes).await? == 0 {
            return Ok(Beginning::Other(bytes));
        }
    }
}

/// Methods are in capitals: what is not need not be waited for.
fn may_be_a_method(bytes: &[u8]) -> bool {
    bytes.iter().take_while(|byte| **byte != b' ').all(u8::is_ascii_uppercase)
}

impl Head {
    fn new(request: &httparse::Request<'_, '_>) -> Self {
        let header = |name: &str| {
            let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.map(|header| String::from_utf8_lossy(header.value).into_owned()).unwrap_or_default()
        };
        let host = header("host");
        let host = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
        Self {
            method: request.method.unwrap_or_default().into(),
            path: request.path.unwrap_or_default().split('?').next().unwrap_or_default().into(),
            host: host.into(),
            upgrade: header("upgrade").eq_ignore_ascii_case("websocket"),
        }
    }
}

/// The request without the headers that ask for another protocol.
pub(crate) fn without_upgrade(request: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(request.len());
    let mut rest = request;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let (line, after) = rest.split_at(end + 2);
        rest = after;
        if line.len() == 2 {
            kept.extend_from_slice(line);
            break;
        }
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase();
        if name != b"upgrade" && name != b"connection" {
            kept.extend_from_slice(line);
        }
    }
    kept.extend_from_slice(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &str = "GET /v1/link?token=secret HTTP/1.1\r\nHost: relay.example:7700\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nX: y\r\n\r\nbody";

    #[tokio::test]
    async fn a_request_is_told_from_anything_else() {
        let Beginning::Request(head, bytes) = beginning(&mut UPGRADE.as_bytes()).await.unwrap() else {
            panic!("it is a request")
        };
        assert_eq!((head.method.as_str(), head.path.as_str()), ("GET", "/v1/link"));
        assert_eq!((head.host.as_str(), head.upgrade), ("relay.example", true));
        assert_eq!(bytes, UPGRADE.as_bytes());
        for other in [&b"\x16\x03\x01\x02\0"[..], b"", b"hello", b"SSH-2.0-x\r\n\r\n", &[b'A'; MAX_BYTES]] {
            let Beginning::Other(bytes) = beginning(&mut &*other).await.unwrap() else { panic!("{other:?}") };
            assert!(other.starts_with(&bytes));
        }
    }

    #[test]
    fn a_request_loses_its_upgrade_and_nothing_else() {
        let kept = String::from_utf8(without_upgrade(UPGRADE.as_bytes())).unwrap();
        assert_eq!(
            kept,
            "GET /v1/link?token=secret HTTP/1.1\r\nHost: relay.example:7700\r\nX: y\r\n\r\nbody"
        );
    }
}

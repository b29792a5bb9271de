//! Attacks on outgoing requests. Each is a name or a server that wants something it must not get.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Uri};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::connection::{Found, Names};
use super::{Answer, Bounds, Origin, Outgoing, OutgoingError, Trust};

const BOUNDS: Bounds =
    Bounds { connect: Duration::from_secs(10), answer: Duration::from_secs(10), body: 64 << 10 };

/// Answers with the next list each time it is asked; with the last one from then on.
#[derive(Default)]
struct Liar {
    lists: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
    names: Mutex<Vec<String>>,
}

impl Liar {
    fn saying(lists: &[&[&str]]) -> Arc<Self> {
        let list = |list: &&[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { lists: lists.iter().map(list).collect(), ..Self::default() })
    }
}

impl Names for Liar {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Found<'a> {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed).min(self.lists.len() - 1);
        self.names.lock().unwrap().push(host.to_owned());
        let found = self.lists[turn].iter().map(|address| SocketAddr::new(*address, port)).collect();
        Box::pin(async move { Ok(found) })
    }
}

fn outgoing(origin: &str, private: bool, bounds: Bounds, names: Arc<Liar>) -> Outgoing {
    outgoing_trusting(origin, private, bounds, names, Trust::default())
}

fn outgoing_trusting(
    origin: &str,
    private: bool,
    bounds: Bounds,
    names: Arc<Liar>,
    trust: Trust,
) -> Outgoing {
    let origin = Origin::of(&origin.parse().unwrap()).unwrap();
    Outgoing::new(vec![origin], private, bounds, trust).with_names(names)
}

async fn get(outgoing: &Outgoing, uri: &str) -> Result<Answer, OutgoingError> {
    outgoing.request(Request::get(uri).body(Full::new(Bytes::new())).unwrap()).await
}

/// A server that says `head` to whoever connects, then `again` for ever or, without it, closes.
async fn server(head: String, again: Option<&'static str>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let head = head.clone();
            tokio::spawn(async move { answer(&mut socket, &head, again).await });
        }
    });
    port
}

async fn answer(
    socket: &mut (impl AsyncReadExt + AsyncWrite + Unpin),
    head: &str,
    again: Option<&str>,
) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _ = socket.read(&mut request).await?;
    socket.write_all(head.as_bytes()).await?;
    while let Some(again) = again {
        if again.is_empty() {
            std::future::pending::<()>().await;
        }
        socket.write_all(again.as_bytes()).await?;
    }
    socket.shutdown().await
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn only_registered_origins_are_asked() {
    let port = server(ok("hello"), None).await;
    let registered = format!("http://api.example:{port}");
    let outgoing = outgoing(&registered, true, BOUNDS, Liar::saying(&[&["127.0.0.1"]]));
    assert_eq!(get(&outgoing, &format!("{registered}/v1?x=y")).await.unwrap().body, "hello");
    for other in [
        format!("https://api.example:{port}/"),
        "http://api.example/".to_owned(),
        format!("http://evil.example:{port}/"),
        format!("http://api.example.evil.example:{port}/"),
        format!("http://127.0.0.1:{port}/"),
    ] {
        let error = get(&outgoing, &other).await.unwrap_err();
        assert!(matches!(error, OutgoingError::NotRegistered { .. }), "{other}: {error}");
    }
    let with_credentials = format!("http://api.example:{port}@evil.example/");
    assert_eq!(get(&outgoing, &with_credentials).await.unwrap_err(), OutgoingError::Malformed);
}

#[tokio::test]
async fn a_name_that_leads_to_a_neighbour_is_refused_after_resolution() {
    let port = server(ok("secret"), None).await;
    for address in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "192.168.0.1",
        "fd00::1",
        "169.254.169.254",
        "0.0.0.0",
        "::",
    ] {
        let registered = format!("https://api.example:{port}");
        // One honest address among them changes nothing.
        let names = Liar::saying(&[&["1.1.1.1", address]]);
        let outgoing = outgoing(&registered, false, BOUNDS, names);
        let error = get(&outgoing, &registered).await.unwrap_err();
        assert!(matches!(error, OutgoingError::Address { .. }), "{address}: {error}");
    }
}

#[tokio::test]
async fn an_address_in_place_of_a_name_is_checked_the_same() {
    let port = server(ok("secret"), None).await;
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"] {
        let registered = format!("http://{host}:{port}");
        let outgoing = outgoing(&registered, false, BOUNDS, Liar::saying(&[&[]]));
        let error = get(&outgoing, &registered).await.unwrap_err();
        assert!(matches!(error, OutgoingError::Address { .. }), "{host}: {error}");
    }
    // Other spellings of it are names, and what they resolve to is what counts.
    for spelt in ["0x7f.1", "2130706433", "localhost"] {
        let registered = format!("http://{spelt}:{port}");
        let outgoing = outgoing(&registered, false, BOUNDS, Liar::saying(&[&["127.0.0.1"]]));
        let error = get(&outgoing, &registered).await.unwrap_err();
        assert!(matches!(error, OutgoingError::Address { .. }), "{spelt}: {error}");
    }
}

#[tokio::test]
async fn the_operator_may_allow_neighbours_and_never_where_clouds_keep_their_credentials() {
    let port = server(ok("hello"), None).await;
    let registered = format!("http://speech.home:{port}");
    let allowed = outgoing(&registered, true, BOUNDS, Liar::saying(&[&["::ffff:127.0.0.1"]]));
    assert_eq!(get(&allowed, &registered).await.unwrap().body, "hello");
    let names = Liar::saying(&[&["169.254.169.254"]]);
    let error = get(&outgoing(&registered, true, BOUNDS, names), &registered).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Address { .. }), "{error}");
}

#[tokio::test]
async fn a_resolver_that_rebinds_between_check_and_connection_moves_nothing() {
    let port = server(ok("honest"), None).await;
    let registered = format!("http://api.example:{port}");
    // Asked twice for one connection, it would send it to another machine.
    let names = Liar::saying(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let first = outgoing(&registered, true, BOUNDS, Arc::clone(&names));
    assert_eq!(get(&first, &registered).await.unwrap().body, "honest");
    assert_eq!(
        names.asked.load(Ordering::Relaxed),
        1,
        "the address that was checked is the one connected to"
    );
    // A name that was honest once is checked again for the next connection.
    let names = Liar::saying(&[&["1.1.1.1"], &["127.0.0.1"]]);
    let registered = format!("https://api.example:{port}");
    let later = outgoing(&registered, false, BOUNDS, names);
    let origin = Origin::of(&registered.parse::<Uri>().unwrap()).unwrap();
    assert_eq!(later.addresses(&origin).await.unwrap(), [SocketAddr::new("1.1.1.1".parse().unwrap(), port)]);
    let error = get(&later, &registered).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Address { .. }), "{error}");
}

#[tokio::test]
async fn a_redirect_to_the_metadata_address_is_not_followed() {
    let there = "http://169.254.169.254/latest/meta-data/";
    for status in [301, 302, 303, 307, 308] {
        let head = format!("HTTP/1.1 {status} Found\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n");
        let port = server(head, None).await;
        let registered = format!("http://api.example:{port}");
        let names = Liar::saying(&[&["127.0.0.1"]]);
        let outgoing = outgoing(&registered, true, BOUNDS, Arc::clone(&names));
        let error = get(&outgoing, &registered).await.unwrap_err();
        assert!(matches!(error, OutgoingError::Redirected { .. }), "{status}: {error}");
        assert_eq!(*names.names.lock().unwrap(), ["api.example"]);
        assert!(get(&outgoing, there).await.is_err());
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let port = server(head, Some("8\r\nxxxxxxxx\r\n")).await;
    let registered = format!("http://api.example:{port}");
    let outgoing = outgoing(&registered, true, BOUNDS, Liar::saying(&[&["127.0.0.1"]]));
    let error = get(&outgoing, &registered).await.unwrap_err();
    assert!(matches!(error, OutgoingError::TooLarge { most: 65_536, .. }), "{error}");
}

#[tokio::test]
async fn endless_headers_are_cut_off() {
    let port = server("HTTP/1.1 200 OK\r\n".to_owned(), Some("X-Header: xxxxxxxxxxxxxxxx\r\n")).await;
    let registered = format!("http://api.example:{port}");
    let outgoing = outgoing(&registered, true, BOUNDS, Liar::saying(&[&["127.0.0.1"]]));
    let error = get(&outgoing, &registered).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_slow_body_and_a_silent_server_are_given_up() {
    let bounds = Bounds { answer: Duration::from_millis(200), ..BOUNDS };
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx", ""] {
        let port = server(head.to_owned(), Some("")).await;
        let registered = format!("http://api.example:{port}");
        let outgoing = outgoing(&registered, true, bounds, Liar::saying(&[&["127.0.0.1"]]));
        let error = get(&outgoing, &registered).await.unwrap_err();
        assert!(matches!(error, OutgoingError::Timeout { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_an_answer() {
    let port = server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_owned(), None).await;
    let registered = format!("http://api.example:{port}");
    let outgoing = outgoing(&registered, true, BOUNDS, Liar::saying(&[&["127.0.0.1"]]));
    let error = get(&outgoing, &registered).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn nothing_crosses_the_internet_unencrypted() {
    let names = Liar::saying(&[&["1.1.1.1"]]);
    let outgoing = outgoing("http://api.example", true, BOUNDS, names);
    let error = get(&outgoing, "http://api.example/").await.unwrap_err();
    assert!(matches!(error, OutgoingError::Unencrypted { .. }), "{error}");
}

#[tokio::test]
async fn a_certificate_is_verified_and_its_name_too() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["api.example".to_owned()]).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(cert.der().to_vec())], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            if let Ok(mut socket) = acceptor.accept(tcp).await {
                let _ = answer(&mut socket, &ok("hello"), None).await;
            }
        }
    });
    let names = || Liar::saying(&[&["127.0.0.1"]]);
    let (right, wrong) = (format!("https://api.example:{port}"), format!("https://other.example:{port}"));
    let known = || Trust::with_authorities(cert.pem().as_bytes()).unwrap();
    let error = get(&outgoing(&right, true, BOUNDS, names()), &right).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Tls { .. }), "{error}");
    let trusting = outgoing_trusting(&right, true, BOUNDS, names(), known());
    assert_eq!(get(&trusting, &right).await.unwrap().body, "hello");
    let trusting = outgoing_trusting(&wrong, true, BOUNDS, names(), known());
    let error = get(&trusting, &wrong).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Tls { .. }), "{error}");
}

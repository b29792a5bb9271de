//! Who is let in at the door, and what the others are told.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use glasslink_protocol::{ClientMessage, ErrorReport, FrameIndex, RelayMessage, SessionId};
use glasslink_relay::{Relay, StartError};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use support::http::get;
use support::{Client, HelloFields, PATIENCE, hello, raw, request, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};

async fn refused(request: Request) -> (u16, ErrorReport, Vec<(String, String)>) {
    let Err(Error::Http(response)) = Client::connect(request).await.map(|_| ()) else {
        panic!("it was let in");
    };
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let report = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
    (response.status().as_u16(), report, headers)
}

#[tokio::test]
async fn only_the_token_in_the_authorization_header_lets_in() {
    let relay = Relay::builder().token("open sesame").start().await.unwrap();
    let url = relay.url();
    for token in [None, Some("open"), Some("open sesame!"), Some("")] {
        let (status, report, headers) = refused(request(&url, token)).await;
        assert_eq!((status, report.code.as_str()), (401, "unauthorized"), "{token:?}");
        assert!(headers.contains(&("www-authenticate".into(), "Bearer".into())), "{headers:?}");
    }
    let mut in_the_address = request(&url, None);
    *in_the_address.uri_mut() =
        format!("{}?token=open%20sesame&access_token=open%20sesame", in_the_address.uri()).parse().unwrap();
    assert_eq!(refused(in_the_address).await.0, 401);
    Client::connect(request(&url, Some("open sesame"))).await.unwrap();
}

#[tokio::test]
async fn another_version_is_told_so() {
    let relay = Relay::builder().start().await.unwrap();
    for subprotocol in ["glasslink.v2", "chat"] {
        let mut other = request(&relay.url(), None);
        other.headers_mut().insert("sec-websocket-protocol", subprotocol.parse().unwrap());
        let (status, report, _) = refused(other).await;
        assert_eq!((status, report.code.as_str()), (426, "unsupported_version"));
    }
    let mut both = request(&relay.url(), None);
    both.headers_mut().insert("sec-websocket-protocol", "glasslink.v2, glasslink.v1".parse().unwrap());
    Client::connect(both).await.unwrap();
    let plain = get(relay.local_addr(), "/v1/link").await;
    assert_eq!((plain.status, plain.header("upgrade")), (426, Some("websocket")));
}

#[tokio::test]
async fn web_pages_are_kept_out() {
    let relay = Relay::builder().start().await.unwrap();
    let mut page = request(&relay.url(), None);
    page.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(refused(page).await.0, 403);
    let mut rebound = request(&relay.url(), None);
    rebound.headers_mut().insert("host", "evil.example".parse().unwrap());
    assert_eq!(refused(rebound).await.0, 403);
    let rebound =
        raw(relay.local_addr(), "GET /readyz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert!(rebound.await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn health_and_readiness_are_told() {
    let relay = Relay::builder().start().await.unwrap();
    let address = relay.local_addr();
    assert_eq!(get(address, "/healthz").await.status, 200);
    let ready = get(address, "/readyz").await;
    assert_eq!((ready.status, &ready.json()["engine"]["state"]), (200, &json!("disabled")));
    assert_eq!(get(address, "/").await.status, 404);
}

#[tokio::test]
async fn headers_without_end_are_cut_short() {
    let relay = Relay::builder().start().await.unwrap();
    let address = relay.local_addr();
    let flood = format!("GET / HTTP/1.1\r\nHost: {address}\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut socket = TcpStream::connect(address).await.unwrap();
    // It may be refused before it is written.
    let _ = socket.write_all(flood.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("the relay closes");
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"));
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    let relay = Relay::builder().start().await.unwrap();
    // Slow-loris: a request that never ends; and an upgrade without a hello.
    let request_line = raw(relay.local_addr(), "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ");
    assert!(!request_line.await.contains("200"));
    let mut silent = Client::plain(&relay.url()).await;
    let (_, code) = silent.until_closed().await;
    assert_eq!(code, Some(4408));
}

#[tokio::test]
async fn the_first_message_is_hello() {
    let relay = Relay::builder().start().await.unwrap();
    for first in
        [Message::text("{"), Message::text(r#"{"type":"ping","id":1}"#), Message::binary(vec![1; 40])]
    {
        let mut client = Client::plain(&relay.url()).await;
        client.send(first).await;
        let (messages, code) = client.until_closed().await;
        assert_eq!(code, Some(4400));
        assert!(matches!(&messages[..], [RelayMessage::Error(report)] if report.code == "protocol_error"));
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_closes_with_1009() {
    let relay = Relay::builder().start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.send(Message::binary(vec![1; 1 << 20])).await;
    let (messages, code) = client.until_closed().await;
    assert_eq!(code, Some(1009));
    assert!(messages.iter().any(|message| matches!(message, RelayMessage::Error(_))), "{messages:?}");
}

#[tokio::test]
async fn a_session_belongs_to_the_identity_that_made_it() {
    let relay = Relay::builder().token("mine").named_token("guest", "theirs").start().await.unwrap();
    let mut owner = Client::connect(request(&relay.url(), Some("mine"))).await.unwrap();
    owner.greet(hello(1)).await;
    let mut guest = Client::connect(request(&relay.url(), Some("theirs"))).await.unwrap();
    guest.say_hello(HelloFields { holder: 2, ..hello(1) }).await;
    let (messages, code) = guest.until_closed().await;
    assert_eq!(code, Some(4403));
    assert!(matches!(&messages[..], [RelayMessage::Error(report)] if report.code == "forbidden"));
    let mut guest = Client::connect(request(&relay.url(), Some("theirs"))).await.unwrap();
    guest.greet(hello(2)).await;
    assert_eq!(relay.sessions(), 2);
}

#[tokio::test]
async fn a_session_goes_to_whoever_takes_it_and_stays_with_who_does_not_lose_it() {
    let relay = Relay::builder().start().await.unwrap();
    let mut first = Client::plain(&relay.url()).await;
    first.greet(hello(1)).await;
    let mut second = Client::plain(&relay.url()).await;
    second.greet(HelloFields { holder: 2, ..hello(1) }).await;
    assert_eq!(first.until_closed().await.1, Some(4409));
    let mut first = Client::plain(&relay.url()).await;
    first.say_hello(HelloFields { attach: 2, take: false, ..hello(1) }).await;
    let (messages, code) = first.until_closed().await;
    assert_eq!(code, Some(4409));
    assert!(matches!(&messages[..], [RelayMessage::Error(report)] if report.code == "superseded"));
}

#[tokio::test]
async fn beyond_the_number_of_sessions_a_new_one_is_asked_to_wait() {
    let relay = Relay::builder().max_sessions(1).start().await.unwrap();
    let mut first = Client::plain(&relay.url()).await;
    first.greet(hello(1)).await;
    let mut second = Client::plain(&relay.url()).await;
    second.say_hello(hello(2)).await;
    assert_eq!(second.until_closed().await.1, Some(4503));
    let mut again = Client::plain(&relay.url()).await;
    again.greet(HelloFields { attach: 2, session: SessionId(1), ..hello(1) }).await;
}

#[tokio::test]
async fn an_address_that_others_reach_needs_a_token() {
    let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let refused = Relay::builder().listen(everywhere).start().await.map(|_| ());
    assert!(matches!(refused, Err(StartError::TokenNeeded(_))), "{refused:?}");
    Relay::builder().listen(everywhere).token("x").start().await.unwrap();
    let empty = Relay::builder().token("").start().await.map(|_| ());
    assert!(matches!(empty, Err(StartError::EmptyToken)), "{empty:?}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let relay = Relay::builder().start().await.unwrap();
    let second = Relay::builder().listen(relay.local_addr()).start().await.map(|_| ());
    let Err(error @ StartError::PortInUse(_)) = second else { panic!("{second:?}") };
    assert!(error.to_string().contains(&relay.local_addr().to_string()), "{error}");
}

#[tokio::test]
async fn a_port_is_free_again_after_shutdown_and_after_a_drop() {
    let relay = Relay::builder().start().await.unwrap();
    let address = relay.local_addr();
    relay.shutdown().await;
    let relay = Relay::builder().listen(address).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    drop(relay);
    assert_eq!(client.until_closed().await.1, Some(1012));
}

/// A self-made certificate for localhost: its PEM files, and itself.
fn certificate(folder: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf, rcgen::Certificate) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key, made.cert)
}

#[tokio::test]
async fn a_link_over_tls_works_as_without() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key, root) = certificate(folder.path());
    let relay = Relay::builder().tls(chain, key).token("x").start().await.unwrap();
    assert!(relay.url().starts_with("https://"));

    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(relay.local_addr()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let request = request(&relay.url(), Some("x"));
    let (socket, _) = tokio_tungstenite::client_async(request, tls).await.unwrap();
    let mut client = Client { socket };
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 500).await;
    client.until(|message| matches!(message, RelayMessage::Kept { next: FrameIndex(500), .. })).await;

    let plain = raw(relay.local_addr(), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!plain.contains("200"), "{plain}");
}

#[tokio::test]
async fn a_bad_certificate_is_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key, _) = certificate(folder.path());
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let (_, other_key, _) = certificate(&other);
    let missing = folder.path().join("nothing.pem");
    let cases = [
        (&missing, &key, "nothing.pem"),
        (&key, &key, "holds no certificate"),
        (&chain, &chain, "holds no unencrypted private key"),
        (&chain, &other_key, "cannot be used together"),
    ];
    for (chain, key, wanted) in cases {
        let Err(error) = Relay::builder().tls(chain, key).start().await else { panic!("it started") };
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

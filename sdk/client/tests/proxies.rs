//! The link through proxies that speak CONNECT.

mod common;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use common::{frame, soon, state};
use glasslink::{Cause, ConnectError, FinishError, Link, LinkState, StreamFormat, StreamOptions, Transport};
use glasslink_relay::Relay;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// `me:secret`.
const BASIC: &str = "Basic bWU6c2VjcmV0";

/// Connects to `relay` whoever asks for `relay.example` and has the password. Says what it was asked.
async fn proxy(relay: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(client, relay, Arc::clone(&log)));
        }
    });
    (address, asked)
}

async fn serve(mut client: TcpStream, relay: SocketAddr, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    log.lock().unwrap().push(head.lines().next().unwrap().to_owned());
    if !head.contains(&format!("Proxy-Authorization: {BASIC}\r\n")) {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
        client.write_all(refusal).await.unwrap();
        return;
    }
    let mut relay = TcpStream::connect(relay).await.unwrap();
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut relay).await;
}

// SPEC P18.1
#[tokio::test]
async fn both_transports_go_through_a_proxy_that_wants_a_password() {
    let relay = Relay::builder().start().await.unwrap();
    let (address, asked) = proxy(relay.local_addr()).await;
    for transport in [Transport::WebSocket, Transport::Http] {
        let (link, _events) = Link::builder(relay.url())
            .proxy(&format!("http://me:secret@{address}"))
            .transport(transport)
            .connect()
            .unwrap();
        let stream = link.open(StreamFormat::lc3(16_000, 20).unwrap(), StreamOptions::default()).unwrap();
        for number in 0..100 {
            stream.push(&frame(number)).unwrap();
        }
        let finished = soon("the end", link.finish()).await;
        assert!(matches!(finished, Err(FinishError::NoEngine(_))), "{finished:?}");
        assert_eq!((link.stats().acknowledged, link.transport()), (100, Some(transport)));
        link.close().await;
        let asked = std::mem::take(&mut *asked.lock().unwrap());
        assert!(!asked.is_empty());
        let wanted = format!("CONNECT {} HTTP/1.1", relay.local_addr());
        assert!(asked.iter().all(|line| *line == wanted), "{asked:?}");
    }
    relay.shutdown().await;
}

// SPEC P18.2
#[tokio::test]
async fn a_proxy_that_refuses_and_one_that_is_not_there_are_the_cause() {
    let relay = Relay::builder().start().await.unwrap();
    let (address, _asked) = proxy(relay.local_addr()).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let no_proxy = common::answers_with("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
    for url in [
        format!("http://{address}"),
        format!("http://me:wrong@{address}"),
        format!("http://{nobody}"),
        format!("http://127.0.0.1:{no_proxy}"),
    ] {
        let (_link, mut events) = Link::builder(relay.url()).proxy(&url).connect().unwrap();
        let mut attempts = 0;
        let cause = state(&mut events, "the third attempt", |state| match state {
            LinkState::Waiting { cause, .. } => {
                attempts += 1;
                (attempts == 3).then_some(cause)
            }
            _ => None,
        })
        .await;
        assert_eq!(cause, Cause::Proxy, "{url}");
    }
    relay.shutdown().await;
}

#[tokio::test]
async fn what_is_no_proxy_is_said_before_anything_is_tried() {
    let error =
        Link::builder("https://relay.example").proxy("socks5://me:secret@proxy").connect().unwrap_err();
    assert!(matches!(error, ConnectError::Proxy(_)));
    assert!(!error.to_string().contains("secret"));
}

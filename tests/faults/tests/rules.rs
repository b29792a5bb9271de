//! What each rule does, seen from both ends.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use glasslink_faults::{By, ConnectionId, Direction, Event, Fault, How, Proxy, Rule, What, When};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const SOON: Duration = Duration::from_secs(20);
/// Long enough for what is on its way within one machine.
const A_MOMENT: Duration = Duration::from_millis(200);

const UPGRADE: &[u8] = b"GET /v1/link HTTP/1.1\r\nHost: relay.example:1\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\n\r\n";
const PLAIN: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: relay.example:1\r\n\r\n";

/// A proxy before a server that sends everything back.
async fn proxy() -> Proxy {
    Proxy::builder(echo().await).start().unwrap()
}

async fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = tcp.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("in time")
}

async fn connect(proxy: &Proxy) -> TcpStream {
    soon(TcpStream::connect(proxy.address())).await.unwrap()
}

/// Sends `bytes` and reads as many back.
async fn echoed(tcp: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    tcp.write_all(bytes).await.unwrap();
    let mut back = vec![0; bytes.len()];
    soon(tcp.read_exact(&mut back)).await.unwrap();
    back
}

async fn everything(tcp: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    soon(tcp.read_to_end(&mut bytes)).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn closed(proxy: &Proxy, connection: u64) -> (By, How, u64, u64) {
    let is = |event: &Event| {
        event.what.name() == "closed" && event.what.connection() == Some(ConnectionId(connection))
    };
    match proxy.wait(0, SOON, is).await.expect("it closes").what {
        What::Closed { by, how, up, down, .. } => (by, how, up, down),
        _ => unreachable!(),
    }
}

async fn is_reset(tcp: &mut TcpStream) -> bool {
    let mut bytes = Vec::new();
    soon(tcp.read_to_end(&mut bytes)).await.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn without_a_rule_everything_passes_and_either_end_may_close() {
    let proxy = proxy().await;
    let mut tcp = connect(&proxy).await;
    let much: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
    let (mut from, mut to) = tcp.split();
    let mut back = vec![0; much.len()];
    let (sent, received) =
        soon(async { tokio::join!(to.write_all(&much), from.read_exact(&mut back)) }).await;
    sent.unwrap();
    received.unwrap();
    assert!(back == much);
    tcp.shutdown().await.unwrap();
    assert_eq!(soon(tcp.read(&mut [0])).await.unwrap(), 0);
    assert_eq!(closed(&proxy, 1).await, (By::Client, How::Close, 1_000_000, 1_000_000));
}

#[tokio::test]
async fn a_closed_port_refuses_and_opens_again() {
    let proxy = proxy().await;
    let mut before = connect(&proxy).await;
    echoed(&mut before, b"before").await;
    for _ in 0..3 {
        let rule = proxy.add(Rule::new(Fault::Refuse));
        let shut = proxy.last();
        let off = |event: &Event| event.what == What::Listening { on: false };
        proxy.wait(shut - 1, SOON, off).await.unwrap();
        let error = TcpStream::connect(proxy.address()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        proxy.remove(rule);
        proxy.wait(shut, SOON, |event| event.what == What::Listening { on: true }).await.unwrap();
        assert_eq!(echoed(&mut connect(&proxy).await, b"again").await, b"again");
    }
    assert_eq!(echoed(&mut before, b"still").await, b"still");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_unanswered_connect_waits_until_the_rule_goes() {
    let proxy = proxy().await;
    let rule = proxy.add(Rule::new(Fault::Unanswered));
    proxy.wait(0, SOON, |event| event.what == What::Listening { on: false }).await.unwrap();
    let mut connecting = Box::pin(TcpStream::connect(proxy.address()));
    assert!(timeout(A_MOMENT, &mut connecting).await.is_err(), "nothing answers");
    proxy.remove(rule);
    let mut tcp = soon(connecting).await.unwrap();
    assert_eq!(echoed(&mut tcp, b"late").await, b"late");
}

#[tokio::test]
async fn the_next_so_many_connections_are_closed_and_the_one_after_lives() {
    let proxy = proxy().await;
    let rule = proxy.add(Rule::new(Fault::Close).times(2));
    for connection in 1..3 {
        assert_eq!(soon(connect(&proxy).await.read(&mut [0])).await.unwrap(), 0);
        assert_eq!(closed(&proxy, connection).await, (By::Rule(rule), How::Close, 0, 0));
    }
    assert_eq!(echoed(&mut connect(&proxy).await, b"third").await, b"third");
    assert_eq!(proxy.rules()[0].left, Some(0));
}

#[tokio::test]
async fn a_reset_is_a_reset_for_open_connections_too() {
    let proxy = proxy().await;
    let mut tcp = connect(&proxy).await;
    echoed(&mut tcp, b"hello").await;
    let rule = proxy.add(Rule::new(Fault::Reset));
    assert!(is_reset(&mut tcp).await);
    assert_eq!(closed(&proxy, 1).await, (By::Rule(rule), How::Reset, 5, 5));
}

#[tokio::test]
async fn a_connection_is_cut_after_exactly_so_many_bytes() {
    for (direction, how) in [
        (Direction::Up, How::Reset),
        (Direction::Up, How::Close),
        (Direction::Down, How::Reset),
        (Direction::Down, How::Close),
    ] {
        let proxy = proxy().await;
        let fault = if how == How::Reset { Fault::Reset } else { Fault::Close };
        proxy.add(Rule::new(fault).after_bytes(direction, 1_001).times(1));
        let mut tcp = connect(&proxy).await;
        tcp.write_all(&[7; 5_000]).await.unwrap();
        let mut bytes = Vec::new();
        let read = soon(tcp.read_to_end(&mut bytes)).await;
        assert_eq!(read.is_ok(), how == How::Close, "{direction:?}, {how:?}: {read:?}");
        let (_, was, up, down) = closed(&proxy, 1).await;
        assert_eq!(was, how);
        if direction == Direction::Up {
            assert_eq!(up, 1_001);
        } else {
            assert_eq!((down, bytes.len()), (1_001, 1_001));
        }
        assert_eq!(echoed(&mut connect(&proxy).await, &[7; 5_000]).await, [7; 5_000]);
    }
}

#[tokio::test]
async fn a_black_hole_swallows_and_gives_back_when_it_goes() {
    let proxy = proxy().await;
    let mut tcp = connect(&proxy).await;
    echoed(&mut tcp, b"before").await;
    let hole = proxy.add(Rule::new(Fault::BlackHole));
    tcp.write_all(b"within").await.unwrap();
    let mut new = connect(&proxy).await;
    new.write_all(b"new").await.unwrap();
    assert!(timeout(A_MOMENT, tcp.read(&mut [0])).await.is_err());
    assert!(timeout(A_MOMENT, new.read(&mut [0])).await.is_err(), "it is accepted and gets nothing");
    proxy.remove(hole);
    let mut back = [0; 6];
    soon(tcp.read_exact(&mut back)).await.unwrap();
    assert_eq!(&back, b"within");
    soon(new.read_exact(&mut back[..3])).await.unwrap();
}

#[tokio::test]
async fn a_black_hole_may_be_one_way_begin_late_and_go_by_itself() {
    let proxy = proxy().await;
    let when = When { direction: Some(Direction::Down), after_ms: Some(50), ..When::default() };
    let rule = Rule::new(Fault::BlackHole).when(when).lasting(Duration::from_secs(1));
    let mut tcp = connect(&proxy).await;
    echoed(&mut tcp, b"before").await;
    proxy.add(rule);
    proxy.wait(0, SOON, |event| event.what.name() == "rule_added").await.unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    tcp.write_all(b"x").await.unwrap();
    let began = Instant::now();
    soon(tcp.read_exact(&mut [0])).await.unwrap();
    assert!(began.elapsed() > Duration::from_millis(500), "{:?}", began.elapsed());
    assert_eq!(proxy.open()[0].up, 7);
}

#[tokio::test]
async fn a_delay_is_added_each_way_and_slows_nothing_down() {
    let proxy = proxy().await;
    proxy.add(Rule::delay(Duration::from_millis(100)));
    let mut tcp = connect(&proxy).await;
    let began = Instant::now();
    echoed(&mut tcp, b"first").await;
    assert!(began.elapsed() >= Duration::from_millis(400), "opening takes a round trip more");
    let began = Instant::now();
    for _ in 0..50 {
        tcp.write_all(&[1; 100]).await.unwrap();
    }
    soon(tcp.read_exact(&mut [0; 5_000])).await.unwrap();
    let took = began.elapsed();
    assert!((200..1_500).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test]
async fn jitter_changes_no_order() {
    let proxy = proxy().await;
    let (latency, jitter) = (Duration::from_millis(1), Duration::from_millis(30));
    proxy.add(Rule::new(Fault::Delay { latency, jitter }));
    let mut tcp = connect(&proxy).await;
    let bytes: Vec<u8> = (0..100).collect();
    for byte in &bytes {
        tcp.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut back = vec![0; bytes.len()];
    soon(tcp.read_exact(&mut back)).await.unwrap();
    assert_eq!(back, bytes);
}

#[tokio::test]
async fn a_throttle_lets_so_many_bytes_a_second_through() {
    let proxy = proxy().await;
    proxy.add(Rule::new(Fault::Throttle { bytes_per_second: 20_000 }));
    let mut tcp = connect(&proxy).await;
    let began = Instant::now();
    echoed(&mut tcp, &vec![3; 20_000]).await;
    let took = began.elapsed();
    assert!((900..6_000).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test]
async fn the_upgrade_is_answered_as_the_rule_says_and_other_requests_pass() {
    for status in [401, 403, 407, 426, 429, 503] {
        let proxy = proxy().await;
        let answer = Fault::Answer { status, retry_after_s: (status == 429).then_some(2) };
        let rule = proxy.add(Rule::new(answer).on_upgrade().times(1));
        let mut tcp = connect(&proxy).await;
        assert_eq!(echoed(&mut tcp, PLAIN).await, PLAIN);
        let mut tcp = connect(&proxy).await;
        tcp.write_all(UPGRADE).await.unwrap();
        let answer = everything(&mut tcp).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert_eq!(answer.contains("\r\nRetry-After: 2\r\n"), status == 429, "{answer}");
        assert_eq!(closed(&proxy, 2).await, (By::Rule(rule), How::Close, 0, 0));
        assert_eq!(echoed(&mut connect(&proxy).await, UPGRADE).await, UPGRADE);
    }
}

#[tokio::test]
async fn hosts_and_paths_are_told_apart() {
    let proxy = proxy().await;
    let when = |host: Option<&str>, path: Option<&str>| When {
        host: host.map(Into::into),
        path: path.map(Into::into),
        ..When::default()
    };
    proxy.add(Rule::new(Fault::Reset).when(when(Some("other.example"), None)));
    proxy.add(Rule::new(Fault::Reset).when(when(None, Some("/v1/li"))));
    assert_eq!(echoed(&mut connect(&proxy).await, PLAIN).await, PLAIN);
    let mut tcp = connect(&proxy).await;
    tcp.write_all(UPGRADE).await.unwrap();
    assert!(is_reset(&mut tcp).await);
}

#[tokio::test]
async fn a_stripped_upgrade_reaches_the_server_as_any_request() {
    let proxy = proxy().await;
    proxy.add(Rule::new(Fault::StripUpgrade));
    let mut tcp = connect(&proxy).await;
    tcp.write_all(UPGRADE).await.unwrap();
    tcp.shutdown().await.unwrap();
    assert_eq!(everything(&mut tcp).await, "GET /v1/link HTTP/1.1\r\nHost: relay.example:1\r\n\r\n");
    let request = proxy.events(0).into_iter().find(|event| event.what.name() == "request").unwrap();
    assert!(matches!(request.what, What::Request { upgrade: true, .. }), "as the client meant it");
}

#[tokio::test]
async fn one_connection_or_all_are_ended_by_hand() {
    let proxy = proxy().await;
    let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
    echoed(&mut one, b"1").await;
    echoed(&mut other, b"2").await;
    assert!(proxy.close(ConnectionId(1), How::Close));
    assert_eq!(soon(one.read(&mut [0])).await.unwrap(), 0);
    assert_eq!(closed(&proxy, 1).await, (By::Hand, How::Close, 1, 1));
    assert!(!proxy.close(ConnectionId(1), How::Close), "it is gone");
    assert_eq!(proxy.close_all(How::Reset), 1);
    assert!(is_reset(&mut other).await);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_resets_the_client() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = Proxy::builder(gone).start().unwrap();
    let mut tcp = connect(&proxy).await;
    tcp.write_all(UPGRADE).await.unwrap();
    assert!(is_reset(&mut tcp).await);
    assert_eq!(closed(&proxy, 1).await.0, By::Upstream);
}

struct Encrypted {
    proxy: Proxy,
    connector: TlsConnector,
}

impl Encrypted {
    /// A proxy that looks inside, and a client that trusts it.
    async fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let builder = Proxy::builder(echo().await).tls(cert.pem(), signing_key.serialize_pem());
        let proxy = builder.start().unwrap();
        // What speaks TLS to its upstream meets one that does.
        let builder = Proxy::builder(proxy.address()).upstream_tls(cert.pem(), "localhost");
        let outer = builder.tls(cert.pem(), signing_key.serialize_pem()).start().unwrap();
        std::mem::forget(proxy);
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { proxy: outer, connector: TlsConnector::from(Arc::new(config)) }
    }

    async fn connect(&self) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        soon(self.connector.connect(name, connect(&self.proxy).await)).await
    }
}

#[tokio::test]
async fn tls_is_ended_looked_into_and_spoken_to_upstream() {
    let encrypted = Encrypted::new().await;
    encrypted.proxy.add(Rule::new(Fault::Answer { status: 503, retry_after_s: None }).on_upgrade());
    let mut tls = encrypted.connect().await.unwrap();
    tls.write_all(PLAIN).await.unwrap();
    let mut back = vec![0; PLAIN.len()];
    soon(tls.read_exact(&mut back)).await.unwrap();
    assert_eq!(back, PLAIN);
    let mut tls = encrypted.connect().await.unwrap();
    tls.write_all(UPGRADE).await.unwrap();
    let mut answer = String::new();
    soon(tls.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test]
async fn tls_is_broken_for_the_next_handshake_only() {
    let encrypted = Encrypted::new().await;
    for fault in [Fault::TlsGarbage, Fault::TlsCertificate] {
        encrypted.proxy.add(Rule::new(fault).times(1));
        let error = encrypted.connect().await.unwrap_err();
        let reason = error.into_inner().unwrap().downcast::<rustls::Error>().unwrap();
        let is_certificate = matches!(*reason, rustls::Error::InvalidCertificate(_));
        assert_eq!(is_certificate, fault == Fault::TlsCertificate, "{reason}");
        encrypted.connect().await.unwrap();
    }
}

//! Every way in which a relay is not there, or does not want us, has its own cause.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Script, ScriptedRelay, answers_with, frame, soon, state};
use glasslink::{
    Cause, ConnectError, Credentials, CredentialsError, Events, Link, LinkState, StreamFormat, StreamOptions,
    Token, TokenFuture, WaitLiveError,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

async fn trouble(events: &mut Events) -> Cause {
    state(events, "the trouble", |state| match state {
        LinkState::Waiting { cause, .. } | LinkState::Refused { cause, .. } => Some(cause),
        _ => None,
    })
    .await
}

async fn trouble_at(url: impl Into<String>) -> Cause {
    let (_link, mut events) = Link::builder(url).connect().unwrap();
    trouble(&mut events).await
}

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    assert_eq!(trouble_at("https://relay.invalid").await, Cause::Dns);
}

#[tokio::test]
async fn a_port_nobody_listens_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(trouble_at(format!("ws://127.0.0.1:{port}")).await, Cause::ConnectionRefused);
    let (link, _events) = Link::builder(format!("ws://127.0.0.1:{port}")).connect().unwrap();
    let error = link.wait_live(Some(Duration::from_millis(100))).await.unwrap_err();
    let WaitLiveError::NotInTime { cause, .. } = &error else { panic!("{error}") };
    assert_eq!(*cause, Some(Cause::ConnectionRefused));
    assert!(error.to_string().contains(Cause::ConnectionRefused.remedy()), "{error}");
}

#[tokio::test]
async fn something_that_is_no_relay() {
    let ok = answers_with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
    assert_eq!(trouble_at(format!("http://127.0.0.1:{ok}")).await, Cause::HttpStatus(200));
    let missing = answers_with("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(trouble_at(format!("http://127.0.0.1:{missing}")).await, Cause::HttpStatus(404));
    let ssh = answers_with("SSH-2.0-OpenSSH_9.2\r\n").await;
    assert_eq!(trouble_at(format!("http://127.0.0.1:{ssh}")).await, Cause::ProtocolError);
    let silent = answers_with("").await;
    assert_eq!(trouble_at(format!("http://127.0.0.1:{silent}")).await, Cause::Reset);
    assert_eq!(trouble_at(format!("https://127.0.0.1:{ok}")).await, Cause::Tls);
}

#[tokio::test]
async fn another_version_waits_for_an_update() {
    let port = answers_with("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n").await;
    let (link, _events) = Link::builder(format!("http://127.0.0.1:{port}")).connect().unwrap();
    let error = soon("the refusal", link.wait_live(None)).await.unwrap_err();
    assert!(matches!(error, WaitLiveError::Refused { cause: Cause::UnsupportedVersion, .. }), "{error}");
}

// SPEC P6.4
#[tokio::test]
async fn a_relay_that_asks_to_be_left_alone_is() {
    let port =
        answers_with("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n")
            .await;
    let (_link, mut events) = Link::builder(format!("http://127.0.0.1:{port}")).connect().unwrap();
    let (cause, retry_in) = state(&mut events, "the wait", |state| match state {
        LinkState::Waiting { cause, retry_in, .. } => Some((cause, retry_in)),
        _ => None,
    })
    .await;
    assert_eq!(cause, Cause::Overloaded);
    assert!(retry_in >= Duration::from_secs(29), "{retry_in:?}");
}

// SPEC P6.5
#[tokio::test]
async fn a_network_that_comes_up_ends_the_wait() {
    let port =
        answers_with("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n")
            .await;
    let (link, mut events) = Link::builder(format!("http://127.0.0.1:{port}")).connect().unwrap();
    assert_eq!(trouble(&mut events).await, Cause::Overloaded);
    link.network_changed();
    let again = state(&mut events, "another attempt", |state| match state {
        LinkState::Connecting { attempt } => Some(attempt),
        _ => None,
    })
    .await;
    assert_eq!(again, 2);
}

/// Gives `stale`, until it is told to give `fresh`; the first time it fails.
#[derive(Default)]
struct Renewed {
    asked: AtomicUsize,
}

impl Credentials for Renewed {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(std::future::ready(match self.asked.fetch_add(1, Ordering::Relaxed) {
            0 => Err(CredentialsError::Unavailable("no answer".into())),
            1 => Ok(Token::new("stale").unwrap()),
            _ => Ok(Token::new("fresh").unwrap()),
        }))
    }
}

// SPEC P5.1 P5.3
#[tokio::test]
async fn new_credentials_go_on_without_a_restart() {
    let relay = ScriptedRelay::start(Script { token: Some("fresh"), ..Script::default() }).await;
    let (link, mut events) = Link::builder(relay.url()).credentials(Renewed::default()).connect().unwrap();
    let stream = link.open(StreamFormat::lc3(16_000, 20).unwrap(), StreamOptions::default()).unwrap();
    stream.push(&frame(0)).unwrap();
    assert_eq!(trouble(&mut events).await, Cause::CredentialsUnavailable, "asked again at once");
    assert_eq!(trouble(&mut events).await, Cause::Unauthorized, "and then waits for somebody");
    assert!(matches!(link.state(), LinkState::Refused { .. }));
    link.credentials_changed();
    soon("the end", link.finish()).await.unwrap();
    assert_eq!(relay.heard(stream.id()).frames.len(), 1);
}

#[tokio::test]
async fn a_fixed_token_opens_the_door() {
    let relay = ScriptedRelay::start(Script { token: Some("sesame"), ..Script::default() }).await;
    let (link, _events) = Link::builder(relay.url()).token("sesame").connect().unwrap();
    soon("the link", link.wait_live(None)).await.unwrap();
    assert_eq!(trouble_at(relay.url()).await, Cause::Unauthorized);
}

#[tokio::test]
async fn an_untrusted_certificate_is_told_from_a_trusted_one() {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let relay = ScriptedRelay::over(Script::default(), move |tcp| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(tcp).await.ok() }
    })
    .await;
    let named = format!("https://localhost:{}", relay.port);

    assert_eq!(trouble_at(&named).await, Cause::Certificate);
    let (link, _events) = Link::builder(&named).extra_root(authority.pem()).connect().unwrap();
    soon("the link", link.wait_live(None)).await.unwrap();

    // The authority is trusted, the name is another.
    let other = format!("https://127.0.0.1:{}", relay.port);
    let (_link, mut events) = Link::builder(other).extra_root(authority.pem()).connect().unwrap();
    assert_eq!(trouble(&mut events).await, Cause::Certificate);
}

#[tokio::test]
async fn what_the_program_got_wrong_is_said_before_anything_is_tried() {
    let refused = |builder: glasslink::LinkBuilder| builder.connect().unwrap_err();
    assert!(matches!(refused(Link::builder("relay.example")), ConnectError::Address(_)));
    assert!(matches!(refused(Link::builder("ws://a.example").token("two words")), ConnectError::Token(_)));
    assert!(matches!(refused(Link::builder("ws://a.example").extra_root("nothing")), ConnectError::Root(_)));
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    assert!(matches!(Link::builder("ws://a.example").connect(), Err(ConnectError::NoRuntime)));
}

// SPEC P7.1
#[tokio::test]
async fn a_relay_that_takes_nothing_is_noticed_and_hangs_nothing() {
    // Says welcome, then never reads again.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let deaf = tokio::spawn(common::deaf_relay(listener));
    let (link, mut events) = Link::builder(format!("ws://127.0.0.1:{port}")).connect().unwrap();
    let stream = link.open(StreamFormat::pcm(48_000).unwrap(), StreamOptions::default()).unwrap();
    state(&mut events, "the link", |state| state.is_live().then_some(())).await;
    for _ in 0..2_000 {
        stream.push(&[1; 960]).unwrap();
    }
    assert_eq!(trouble(&mut events).await, Cause::Stalled);
    soon("the close", link.close()).await;
    deaf.abort();
}

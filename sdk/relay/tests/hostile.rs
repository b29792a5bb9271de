//! Who attacks a relay, and what becomes of it. Each is in the audit log. Whoever stands between a device and the relay
//! is in the client's `tests/pairing.rs`.

mod support;

use std::sync::Arc;
use std::time::Duration;

use glasslink_asr::{OpenAi, Remote};
use glasslink_protocol::{ClientMessage, CloseCode, RelayMessage};
use glasslink_relay::{OfferState, Relay, RelayHandle, StartError};
use serde_json::json;
use support::hostile::{audited, paired, token};
use support::http::{ask, bearer, get, send};
use support::{Client, HelloFields, PATIENCE, eventually, hello, raw, request, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The status of a request with a body.
async fn post(relay: &RelayHandle, path: &str, body: &str) -> u16 {
    send(relay.local_addr(), "POST", path, "", body).await.status
}

async fn status(request: Request) -> u16 {
    match Client::connect(request).await.map(|_| ()) {
        Ok(()) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_websocket() {
    let relay = Relay::builder().start().await.unwrap();
    let mut page = request(&relay.url(), None);
    page.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(status(page).await, 403);
    assert_eq!(audited(&relay.keys(), "origin_refused").await.address.as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn a_name_that_was_rebound_to_this_machine_leads_nowhere() {
    let relay = Relay::builder().start().await.unwrap();
    let mut rebound = request(&relay.url(), None);
    rebound.headers_mut().insert("host", "evil.example".parse().unwrap());
    assert_eq!(status(rebound).await, 403);
    for path in ["/v1/pair/qr", "/v1/token", "/readyz"] {
        let asked = format!("POST {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        assert!(raw(relay.local_addr(), &asked).await.starts_with("HTTP/1.1 403"), "{path}");
    }
    audited(&relay.keys(), "host_refused").await;
}

#[tokio::test(start_paused = true)]
async fn logins_to_the_dashboard_are_refused_slowed_and_written_down() {
    let relay = Relay::builder().token("s3cret").start().await.unwrap();
    for path in ["token", "ticket"] {
        let offer = json!({ path: "a guess" }).to_string();
        assert_eq!(post(&relay, "/dashboard/login", &offer).await, 401);
    }
    let row = audited(&relay.keys(), "login_refused").await;
    assert_eq!((row.address.as_deref(), row.detail), (Some("127.0.0.1"), None));
    for _ in 2..10 {
        post(&relay, "/dashboard/login", r#"{"token":"a guess"}"#).await;
    }
    let right = r#"{"token":"s3cret"}"#;
    assert_eq!(post(&relay, "/dashboard/login", right).await, 429, "it would be guessed, too");
    audited(&relay.keys(), "guessing_slowed").await;
    audited(&relay.keys(), "guessing_refused").await;
}

#[tokio::test]
async fn a_page_that_has_the_dashboards_cookie_and_not_its_token_changes_nothing() {
    let relay = Relay::builder().token("s3cret").start().await.unwrap();
    let address = relay.local_addr();
    let login = send(address, "POST", "/dashboard/login", "", r#"{"token":"s3cret"}"#).await;
    let cookie = login.header("set-cookie").unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/dashboard"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let origin = |page: &str| format!("{cookie}Origin: {page}\r\n");
    for csrf in ["", "x-csrf-token: 0\r\n"] {
        let answer = send(address, "POST", "/dashboard/logout", &format!("{cookie}{csrf}"), "").await;
        assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("csrf")));
    }
    audited(&relay.keys(), "csrf_refused").await;
    let page = send(address, "POST", "/dashboard/logout", &origin("https://evil.example"), "").await;
    assert_eq!(page.status, 403);
    audited(&relay.keys(), "origin_refused").await;
    let rebound = "GET /dashboard HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert!(raw(address, rebound).await.starts_with("HTTP/1.1 403"));
    audited(&relay.keys(), "host_refused").await;
    let csrf =
        format!("{}x-csrf-token: {}\r\n", origin(&relay.url()), login.json()["csrf"].as_str().unwrap());
    assert_eq!(send(address, "POST", "/dashboard/logout", &csrf, "").await.status, 204);
}

/// Whoever asks it gets `answer`, for ever.
async fn answering(answer: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(answer.as_bytes()).await;
                while answer.contains("200 OK") && socket.write_all(&[b'x'; 4096]).await.is_ok() {}
            });
        }
    });
    address
}

#[tokio::test]
async fn an_engine_that_leads_to_a_neighbour_elsewhere_or_has_no_end_is_not_asked_and_that_is_written_down() {
    let private = |url: String| Remote::at(url).name("engine").allow_private(true);
    let redirects = answering("HTTP/1.1 307 Elsewhere\r\nLocation: http://169.254.169.254/\r\n\r\n").await;
    let endless = answering("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
    for (engine, wanted) in [
        (
            Remote::at(format!("http://{redirects}")).name("engine"),
            "127.0.0.1, which is not a public address",
        ),
        (Remote::at("https://169.254.169.254").name("engine").allow_private(true), "169.254.169.254"),
        (private(format!("http://{redirects}")), "redirects"),
        (private(format!("http://{endless}")), "more than"),
    ] {
        let engine = Arc::new(OpenAi::new(&engine).unwrap());
        let relay = Relay::builder().engine(engine).start().await.unwrap();
        let detail = audited(&relay.keys(), "outgoing_refused").await.detail.unwrap();
        assert!(detail.starts_with("engine: ") && detail.contains(wanted), "{detail}");
        assert_eq!(get(relay.local_addr(), "/readyz").await.json()["engine"]["state"], "degraded");
    }
}

#[tokio::test]
async fn a_token_in_the_address_lets_nobody_in() {
    let relay = Relay::builder().token("s3cret").start().await.unwrap();
    let answer = get(relay.local_addr(), "/v1/link?token=s3cret").await;
    assert_eq!(answer.status, 401, "{answer:?}");
    audited(&relay.keys(), "malformed").await;
    audited(&relay.keys(), "unauthorized").await;
}

#[tokio::test]
async fn header_bombs_are_cut_short() {
    let relay = Relay::builder().start().await.unwrap();
    let address = relay.local_addr();
    let many = "X-Y: z\r\n".repeat(1_000);
    for bomb in [format!("X: {}\r\n", "x".repeat(1 << 20)), many] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let _ = socket.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\n{bomb}\r\n").as_bytes()).await;
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("the relay closes");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"));
    }
    audited(&relay.keys(), "too_large").await;
}

#[tokio::test]
async fn json_without_end_of_depth_is_refused() {
    let relay = Relay::builder().start().await.unwrap();
    let deep = format!("{}{}", "[".repeat(4_000), "]".repeat(4_000));
    let body = format!(r#"{{"secret":{deep},"name":"x"}}"#);
    let body = &body[..body.len().min(8_000)];
    assert_eq!(post(&relay, "/v1/pair/qr", body).await, 400);
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.send(Message::text(format!(r#"{{"type":"ping","id":{deep}}}"#))).await;
    assert_eq!(client.until_closed().await.1, Some(CloseCode::ProtocolError.code()));
    audited(&relay.keys(), "malformed").await;
}

#[tokio::test(start_paused = true)]
async fn who_sends_a_byte_now_and_then_is_not_waited_for() {
    let relay = Relay::builder().own_tls().token("x").start().await.unwrap();
    // The handshake of TLS that never begins.
    let mut socket = TcpStream::connect(relay.local_addr()).await.unwrap();
    let mut nothing = Vec::new();
    let _ = timeout(PATIENCE, socket.read_to_end(&mut nothing)).await.expect("the relay closes");
    assert_eq!(audited(&relay.keys(), "slow_peer").await.detail.as_deref(), Some("TLS handshake"));
    // Headers, and a body, that never end.
    let plain = Relay::builder().start().await.unwrap();
    let address = plain.local_addr();
    let headers = format!("GET / HTTP/1.1\r\nHost: {address}\r\nX-Slow: ");
    let body = format!("POST /v1/pair/qr HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100\r\n\r\n{{");
    for slow in [headers, body] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(slow.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A whole request has 20 s.
        let _ = timeout(PATIENCE * 2, socket.read_to_end(&mut answer)).await.expect("the relay closes");
        assert!(!String::from_utf8_lossy(&answer).contains("200"));
    }
    let both = async || {
        let entries = plain.keys().audit().unwrap();
        (entries.iter().filter(|entry| entry.event == "slow_peer").count() == 2).then_some(())
    };
    eventually("headers and a body in the audit log", both).await;
}

#[tokio::test]
async fn messages_and_bodies_over_the_bounds_are_refused() {
    let relay = Relay::builder().start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.send(Message::binary(vec![1; 70_000])).await;
    assert_eq!(client.until_closed().await.1, Some(CloseCode::TooLarge.code()));
    assert_eq!(audited(&relay.keys(), "too_large").await.detail.as_deref(), Some("message"));
    let body = json!({ "secret": "A".repeat(20_000), "name": "x" }).to_string();
    assert_eq!(post(&relay, "/v1/pair/qr", &body).await, 413);
}

#[tokio::test]
async fn nothing_is_ever_decompressed() {
    let relay = Relay::builder().start().await.unwrap();
    let address = relay.local_addr();
    // {} in gzip; a bomb would begin like it.
    let body = "\u{1f}\u{8b}\u{8}\u{0}";
    let answer = send(address, "POST", "/v1/pair/qr", "Content-Encoding: gzip\r\n", body).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let answer =
        ask(address, "GET", "/v1/openapi.json", "Accept-Encoding: gzip, deflate, br, zstd\r\n").await;
    assert_eq!((answer.status, answer.header("content-encoding")), (200, None));
    let mut compressing = request(&relay.url(), None);
    let offer = "permessage-deflate; client_max_window_bits".parse().unwrap();
    compressing.headers_mut().insert("sec-websocket-extensions", offer);
    let (_, agreed) = tokio_tungstenite::connect_async(compressing).await.unwrap();
    assert!(!agreed.headers().contains_key("sec-websocket-extensions"), "{agreed:?}");
    audited(&relay.keys(), "malformed").await;
}

#[tokio::test]
async fn ids_cannot_leave_their_folder() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::builder().data(data.path()).start().await.unwrap();
    let address = relay.local_addr();
    for path in ["/v1/../../etc/passwd", "/v1/%2e%2e/%2e%2e/etc/passwd", "/v1/link/..%5c..%5cidentity.db"] {
        let answer = get(address, path).await;
        assert_ne!(answer.status, 200, "{path}: {answer:?}");
    }
    for id in ["../../identity", "..", "/etc/passwd", "0000000000000000000000000000000/"] {
        let asked = format!(
            "POST /v1/link/renew HTTP/1.1\r\nHost: {address}\r\nGlasslink-Session: {id}\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        );
        assert!(raw(address, &asked).await.starts_with("HTTP/1.1 400"), "{id}");
        let mut client = Client::plain(&relay.url()).await;
        client.send(Message::text(json!({ "type": "hello", "session": id }).to_string())).await;
        assert_eq!(client.until_closed().await.1, Some(CloseCode::ProtocolError.code()), "{id}");
    }
    audited(&relay.keys(), "malformed").await;
}

#[tokio::test]
async fn a_session_of_somebody_else_is_not_given() {
    let relay = Relay::builder().token("the owner's").start().await.unwrap();
    let mut owner = Client::connect(request(&relay.url(), Some("the owner's"))).await.unwrap();
    owner.greet(hello(7)).await;
    let app = relay.keys().add_app("captions", true).unwrap();
    let (_, key) = paired(&relay).await;
    for stranger in [app.key, token(&relay, &key).await] {
        let mut client = Client::connect(request(&relay.url(), Some(&stranger))).await.unwrap();
        client.say_hello(hello(7)).await;
        assert_eq!(client.until_closed().await.1, Some(CloseCode::Forbidden.code()));
    }
    owner.say(&ClientMessage::Ping { id: 1 }).await;
    owner.until(|message| matches!(message, RelayMessage::Pong { .. })).await;
    audited(&relay.keys(), "foreign_session").await;
}

// SPEC P19.4
#[tokio::test]
async fn a_stolen_token_is_worth_nothing_once_its_device_is_revoked() {
    let relay = Relay::builder().start().await.unwrap();
    let (device, key) = paired(&relay).await;
    let stolen = token(&relay, &key).await;
    let mut thief = Client::connect(request(&relay.url(), Some(&stolen))).await.unwrap();
    thief.greet(hello(1)).await;
    relay.keys().revoke_device(&device).unwrap();
    let (said, code) = thief.until_closed().await;
    assert_eq!(code, Some(CloseCode::Unauthorized.code()));
    let told = said.iter().any(|message| match message {
        RelayMessage::Error(report) => report.remedy.contains("glasslink-relay pair"),
        _ => false,
    });
    assert!(told, "{said:?}");
    assert_eq!(status(request(&relay.url(), Some(&stolen))).await, 401, "though everybody here is local");
    assert_eq!(send(relay.local_addr(), "POST", "/v1/token", &bearer(&key), "").await.status, 401);
    audited(&relay.keys(), "device_revoked").await;
    audited(&relay.keys(), "unauthorized").await;
}

// SPEC P19.3
#[tokio::test]
async fn an_offer_is_good_once_and_for_what_it_was_made() {
    let relay = Relay::builder().start().await.unwrap();
    let qr = relay.keys().offer_qr(None).unwrap();
    let secret = serde_json::to_value(&qr.offer.secret).unwrap();
    let body = json!({ "secret": secret, "name": "phone" }).to_string();
    assert_eq!(post(&relay, "/v1/pair/qr", &body).await, 200);
    assert_eq!(post(&relay, "/v1/pair/qr", &body).await, 410, "it is replayed");
    let withdrawn = relay.keys().offer_qr(None).unwrap();
    relay.keys().withdraw(withdrawn.number).unwrap();
    assert_eq!(relay.keys().offer_state(withdrawn.number).unwrap(), Some(OfferState::Withdrawn));
    let body =
        json!({ "secret": serde_json::to_value(&withdrawn.offer.secret).unwrap(), "name": "x" }).to_string();
    assert_eq!(post(&relay, "/v1/pair/qr", &body).await, 410);
    assert_eq!(post(&relay, "/v1/pair/code", r#"{"message":"AA"}"#).await, 410);
    audited(&relay.keys(), "pairing_no_offer").await;
}

// SPEC P19.3
#[tokio::test]
async fn an_exchange_that_is_begun_and_left_is_a_try_too() {
    let relay = Relay::builder().start().await.unwrap();
    let offer = relay.keys().offer_code(None).unwrap();
    let nonsense = r#"{"message":"AAAA"}"#;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(post(&relay, "/v1/pair/code", nonsense).await);
    }
    assert_eq!(statuses, [403, 403, 403, 403, 403, 410]);
    assert_eq!(relay.keys().offer_state(offer.number).unwrap(), Some(OfferState::Exhausted));
    audited(&relay.keys(), "pairing_exhausted").await;
}

// SPEC P19.6
#[tokio::test(start_paused = true)]
async fn who_guesses_tokens_is_slowed_then_refused_and_locks_nobody_out() {
    let relay = Relay::builder().token("s3cret").start().await.unwrap();
    let (_, key) = paired(&relay).await;
    let device = token(&relay, &key).await;
    let begun = tokio::time::Instant::now();
    for guess in 0..10 {
        assert_eq!(status(request(&relay.url(), Some(&format!("guess {guess}")))).await, 401);
    }
    assert!(begun.elapsed() >= Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(
        status(request(&relay.url(), Some("s3cret"))).await,
        429,
        "the right one would be guessed, too"
    );
    assert_eq!(status(request(&relay.url(), Some(&device))).await, 101, "nobody guesses this one");
    audited(&relay.keys(), "guessing_slowed").await;
    audited(&relay.keys(), "guessing_refused").await;
    tokio::time::advance(Duration::from_mins(2)).await;
    assert_eq!(status(request(&relay.url(), Some("s3cret"))).await, 101);
}

#[tokio::test(start_paused = true)]
async fn guesses_through_a_trusted_proxy_are_their_clients_and_not_the_proxys() {
    let builder = || Relay::builder().token("s3cret");
    let relay = builder().trusted_proxy("127.0.0.0/8".parse().unwrap()).start().await.unwrap();
    let ask = async |relay: &RelayHandle, client: &str, token: &str| {
        let headers = format!("X-Forwarded-For: 127.0.0.1, {client}\r\n{}", bearer(token));
        send(relay.local_addr(), "GET", "/v1/link", &headers, "").await.status
    };
    for _ in 0..10 {
        assert_eq!(ask(&relay, "192.0.2.1", "guess").await, 401);
    }
    assert_eq!(ask(&relay, "192.0.2.1", "s3cret").await, 429);
    assert_eq!(ask(&relay, "192.0.2.2", "s3cret").await, 426, "the same proxy, somebody else");
    assert_eq!(audited(&relay.keys(), "guessing_refused").await.address.as_deref(), Some("192.0.2.1"));
    // Who is not trusted cannot blame, or hide behind, somebody else.
    let relay = builder().start().await.unwrap();
    for guess in 0..10 {
        assert_eq!(ask(&relay, &format!("192.0.2.{guess}"), "guess").await, 401);
    }
    assert_eq!(ask(&relay, "192.0.2.77", "s3cret").await, 429);
    assert_eq!(audited(&relay.keys(), "guessing_refused").await.address.as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn an_operator_may_have_smaller_messages_than_the_protocol() {
    let relay = Relay::builder().max_message_bytes(16_384).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.send(Message::text(format!(r#"{{"type":"{}"}}"#, "x".repeat(16_000)))).await;
    client.say(&ClientMessage::Ping { id: 1 }).await;
    client.until(|message| matches!(message, RelayMessage::Pong { .. })).await;
    client.send(Message::binary(vec![1; 16_385])).await;
    assert_eq!(client.until_closed().await.1, Some(CloseCode::TooLarge.code()));
    audited(&relay.keys(), "too_large").await;
}

#[tokio::test]
async fn a_lockdown_closes_every_session_and_ends_every_credential() {
    let data = tempfile::tempdir().unwrap();
    let start = |token: &str| Relay::builder().data(data.path()).token(token).start();
    let relay = start("leaked").await.unwrap();
    let (_, key) = paired(&relay).await;
    let app = relay.keys().add_app("captions", true).unwrap();
    let credentials = ["leaked".to_owned(), token(&relay, &key).await, app.key];
    let mut clients = Vec::new();
    for (session, credential) in credentials.iter().enumerate() {
        let mut client = Client::connect(request(&relay.url(), Some(credential))).await.unwrap();
        client.greet(hello(session as u128)).await;
        client.say(&ClientMessage::Open(stream(1, 0))).await;
        clients.push(client);
    }
    // As the command does it: in another process, as far as the relay knows.
    let ended = glasslink_relay::Keys::open(data.path()).unwrap().lockdown().unwrap();
    assert_eq!((ended.devices, ended.apps, ended.tokens), (1, 1, 1));
    for mut client in clients {
        let (said, code) = client.until_closed().await;
        assert_eq!(code, Some(CloseCode::Unauthorized.code()));
        assert!(said.iter().any(|message| matches!(message, RelayMessage::Error(_))), "{said:?}");
    }
    for credential in &credentials {
        assert_eq!(status(request(&relay.url(), Some(credential))).await, 401);
    }
    audited(&relay.keys(), "lockdown").await;
    relay.shutdown().await;
    assert!(matches!(start("leaked").await, Err(StartError::Keys(_))), "it is ended for ever");
    // The owner's session is still the owner's.
    let relay = start("another").await.unwrap();
    let mut owner = Client::connect(request(&relay.url(), Some("another"))).await.unwrap();
    owner.greet(HelloFields { attach: 2, ..hello(0) }).await;
}

#[tokio::test]
async fn one_device_does_not_take_the_relay_from_the_others() {
    let relay = Relay::builder().token("x").max_sessions_each(3).start().await.unwrap();
    let (_, key) = paired(&relay).await;
    let token = token(&relay, &key).await;
    let mut clients = Vec::new();
    for session in 0..3 {
        let mut client = Client::connect(request(&relay.url(), Some(&token))).await.unwrap();
        client.greet(hello(session)).await;
        clients.push(client);
    }
    let mut one_more = Client::connect(request(&relay.url(), Some(&token))).await.unwrap();
    one_more.say_hello(hello(3)).await;
    assert_eq!(one_more.until_closed().await.1, Some(CloseCode::RateLimited.code()));
    let mut waiting = Vec::new();
    let refused = loop {
        match Client::connect(request(&relay.url(), Some(&token))).await {
            Ok(client) => waiting.push(client),
            Err(Error::Http(response)) => break response.status().as_u16(),
            Err(other) => panic!("{other}"),
        }
        assert!(waiting.len() < 50, "there is no end of them");
    };
    assert_eq!(refused, 429);
    let mut owner = Client::connect(request(&relay.url(), Some("x"))).await.unwrap();
    owner.greet(hello(100)).await;
    audited(&relay.keys(), "limit_reached").await;
}

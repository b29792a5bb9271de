//! The door over HTTP, request by request.

mod support;

use std::net::SocketAddr;

use glasslink_protocol::{
    AudioMessage, ClientMessage, ErrorReport, FrameIndex, HTTP_CONNECTION, HTTP_MEDIA_TYPE, HTTP_NUMBER,
    HTTP_SESSION, HttpConnectionId, HttpPart, MAX_HTTP_BODY_BYTES, RelayMessage, SessionId, StreamId,
};
use glasslink_relay::Relay;
use support::{PATIENCE, hello, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

struct Door {
    address: SocketAddr,
    id: HttpConnectionId,
    /// Headers of every request.
    headers: String,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Door {
    fn new(address: SocketAddr, id: u128) -> Self {
        let headers = format!("Host: {address}\r\nContent-Type: {HTTP_MEDIA_TYPE}\r\n");
        Self { address, id: HttpConnectionId(id), headers }
    }

    async fn post(&self, path: &str, number: &str, body: &[u8]) -> Answer {
        let (headers, id, length) = (&self.headers, self.id, body.len());
        let head = format!(
            "POST /v1/link{path} HTTP/1.1\r\n{headers}{HTTP_CONNECTION}: {id}\r\n{HTTP_NUMBER}: {number}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        // A body that is too large is answered before all of it is read.
        let _ = socket.write_all(body).await;
        let mut bytes = Vec::new();
        let _ = timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.expect("the relay answers");
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head") + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end..].to_vec() }
    }

    async fn up(&self, number: u64, body: &[u8]) -> Answer {
        self.post("/up", &number.to_string(), body).await
    }

    async fn down(&self, number: u64) -> Answer {
        self.post("/down", &number.to_string(), &[]).await
    }
}

impl Answer {
    fn messages(&self) -> Vec<RelayMessage> {
        assert_eq!(self.status, 200, "{}", self.head);
        let texts = HttpPart::parts(&self.body).filter_map(|part| match part.unwrap() {
            HttpPart::Text(text) => Some(RelayMessage::decode(text).unwrap()),
            _ => None,
        });
        texts.collect()
    }

    fn close(&self) -> Option<u16> {
        HttpPart::parts(&self.body).find_map(|part| match part.unwrap() {
            HttpPart::Close(code) => Some(code),
            _ => None,
        })
    }

    fn code(&self) -> String {
        ErrorReport::decode(&self.body).expect("a refusal says why").code
    }
}

fn body(parts: &[HttpPart<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        part.encode(&mut body);
    }
    body
}

fn greeting(session: u128) -> String {
    let fields = hello(session);
    let message = ClientMessage::Hello {
        session: fields.session,
        holder: fields.holder,
        attach: fields.attach,
        take: fields.take,
        epoch: fields.epoch,
        events_after: fields.events_after,
        ping_ms: 5_000,
        streams: vec![stream(1, 0)],
        continues: None,
        client: "test".into(),
        remote_speech: false,
    };
    message.encode()
}

fn audio(first: u64) -> Vec<u8> {
    let mut message = Vec::new();
    AudioMessage { stream: StreamId(1), first: FrameIndex(first), count: 5, body: &[0; 100] }
        .encode(&mut message);
    message
}

// SPEC P17.3
#[tokio::test]
async fn what_is_posted_and_polled_twice_counts_once() {
    let relay = Relay::builder().start().await.unwrap();
    let door = Door::new(relay.local_addr(), 1);
    let first = body(&[HttpPart::Text(&greeting(1)), HttpPart::Audio(&audio(0))]);
    for _ in 0..2 {
        assert_eq!(door.up(1, &first).await.status, 204);
    }
    let welcome = door.down(1).await;
    assert!(matches!(welcome.messages()[0], RelayMessage::Welcome { .. }));
    assert!(welcome.head.contains("no-store"), "{}", welcome.head);
    assert_eq!(door.down(1).await.body, welcome.body);
    let second = body(&[HttpPart::Audio(&audio(5))]);
    for _ in 0..2 {
        assert_eq!(door.up(2, &second).await.status, 204);
    }
    let mut received = FrameIndex(0);
    for number in 2.. {
        for message in door.down(number).await.messages() {
            match message {
                RelayMessage::Received { next, .. } => received = received.max(next),
                RelayMessage::Rejected { .. } => panic!("it came twice"),
                _ => {}
            }
        }
        if received == FrameIndex(10) {
            break;
        }
    }
    assert_eq!(door.up(7, &second).await.status, 409);
    assert_eq!(door.up(3, &body(&[HttpPart::Text(&ClientMessage::Bye.encode())])).await.status, 204);
    let mut number = 2;
    let close = loop {
        let answer = door.down(number).await;
        number += 1;
        if answer.status == 409 {
            continue;
        }
        if let Some(code) = answer.close() {
            break code;
        }
    };
    assert_eq!(close, 1000);
    for number in [1, 4] {
        let late = door.up(number + 3, &second).await;
        assert_eq!((late.status, late.code().as_str()), (410, "http_status"));
    }
}

// SPEC P17.6
#[tokio::test]
async fn every_request_is_looked_at_as_an_upgrade_is() {
    let relay =
        Relay::builder().named_token("ann", "ann's").named_token("bob", "bob's").start().await.unwrap();
    let mut door = Door::new(relay.local_addr(), 2);
    let first = body(&[HttpPart::Text(&greeting(2))]);
    let plain = door.headers.clone();
    assert_eq!(door.up(1, &first).await.code(), "unauthorized");
    assert_eq!(door.down(1).await.code(), "unauthorized");
    door.headers = format!("{plain}Authorization: Bearer ann's\r\n");
    assert_eq!(door.up(1, &first).await.status, 204);
    assert_eq!(door.down(1).await.status, 200);
    door.headers = format!("{plain}Authorization: Bearer ann's\r\nOrigin: https://evil.example\r\n");
    assert_eq!(door.down(2).await.status, 403);
    door.headers = format!("{plain}Authorization: Bearer ann's\r\n").replace("127.0.0.1", "evil.example");
    assert_eq!(door.up(2, &[]).await.status, 403);
    // Somebody else's connection is not there, and his session not to be had.
    door.headers = format!("{plain}Authorization: Bearer bob's\r\n");
    assert_eq!(door.down(2).await.status, 410);
    let own = Door { id: HttpConnectionId(3), ..door };
    assert_eq!(own.up(1, &first).await.status, 204);
    let refusal = own.down(1).await;
    assert!(matches!(&refusal.messages()[..], [RelayMessage::Error(report)] if report.code == "forbidden"));
    assert_eq!(refusal.close(), Some(4403));
}

// SPEC P17.5
#[tokio::test]
async fn what_cannot_be_taken_is_a_typed_refusal() {
    let relay = Relay::builder().start().await.unwrap();
    let door = Door::new(relay.local_addr(), 4);
    let first = body(&[HttpPart::Text(&greeting(4))]);
    assert_eq!(door.up(1, &first[..9]).await.code(), "protocol_error");
    assert_eq!(door.up(1, &body(&[HttpPart::Audio(&audio(0))])).await.code(), "protocol_error");
    assert_eq!(door.post("/up", "-1", &first).await.code(), "protocol_error");
    assert_eq!(door.up(1, &vec![0; MAX_HTTP_BODY_BYTES + 1]).await.status, 413);
    assert_eq!(door.down(1).await.status, 410, "nobody greeted");
    let other = Door { headers: door.headers.replace("v1", "v9"), ..door };
    let answer = other.up(1, &first).await;
    assert_eq!((answer.status, answer.code().as_str()), (426, "unsupported_version"));
}

// SPEC P17.6
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_polled_is_lost() {
    let relay = Relay::builder().start().await.unwrap();
    let door = Door::new(relay.local_addr(), 5);
    assert_eq!(door.up(1, &body(&[HttpPart::Text(&greeting(5))])).await.status, 204);
    // Three of its pings, or the time that what waits for it may wait.
    tokio::time::sleep(std::time::Duration::from_secs(16)).await;
    assert_eq!(door.up(2, &body(&[HttpPart::Audio(&audio(0))])).await.status, 410);
    assert_eq!(relay.sessions(), 1, "the session waits for another connection");
}

// SPEC P5.5
#[tokio::test]
async fn credentials_are_renewed_for_the_session_of_their_owner_only() {
    let relay =
        Relay::builder().named_token("ann", "ann's").named_token("bob", "bob's").start().await.unwrap();
    let mut door = Door::new(relay.local_addr(), 6);
    let plain = door.headers.clone();
    let of = |owner: &str, session: u128| {
        format!("{plain}Authorization: Bearer {owner}'s\r\n{HTTP_SESSION}: {}\r\n", SessionId(session))
    };
    door.headers = of("ann", 6);
    assert_eq!(door.up(1, &body(&[HttpPart::Text(&greeting(6))])).await.status, 204);
    assert_eq!(door.post("/renew", "1", &[]).await.status, 204);
    for (headers, status) in [
        (of("bob", 6), 403),
        (of("ann", 7), 404),
        (of("eve", 6), 401),
        (format!("{plain}Authorization: Bearer ann's\r\n"), 400),
    ] {
        door.headers = headers;
        assert_eq!(door.post("/renew", "1", &[]).await.status, status);
    }
}

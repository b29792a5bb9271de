//! A client of a few lines, on a real socket.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod app;
pub mod captured;
pub mod deepgram;
pub mod engine;
pub mod hostile;
pub mod http;
pub mod log;
pub mod program;
pub mod tls;

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use glasslink_protocol::{
    AudioMessage, ClientMessage, Epoch, EventNumber, FrameIndex, RelayMessage, SessionId, StreamFormat,
    StreamId, StreamStart,
};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longer than anything here takes, on any machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub struct Client<S = MaybeTlsStream<TcpStream>> {
    pub socket: WebSocketStream<S>,
}

/// What `hello` says, with what most tests want.
#[derive(Clone)]
pub struct HelloFields {
    pub session: SessionId,
    pub holder: u64,
    pub attach: u64,
    pub take: bool,
    pub epoch: Option<Epoch>,
    pub events_after: EventNumber,
    pub streams: Vec<StreamStart>,
    pub remote_speech: bool,
}

pub fn hello(session: u128) -> HelloFields {
    HelloFields {
        session: SessionId(session),
        holder: 1,
        attach: 1,
        take: true,
        epoch: None,
        events_after: EventNumber(0),
        streams: Vec::new(),
        remote_speech: false,
    }
}

/// The `hello` of a client that names its connection.
pub fn traced_hello(session: u128, trace: &str) -> Message {
    let text = ClientMessage::Hello {
        session: hello(session).session,
        holder: 1,
        attach: 1,
        take: true,
        epoch: None,
        events_after: hello(1).events_after,
        ping_ms: 5_000,
        streams: Vec::new(),
        continues: None,
        client: "test".into(),
        remote_speech: false,
    };
    let mut fields: Value = serde_json::from_str(&text.encode()).unwrap();
    fields["trace"] = trace.into();
    Message::text(fields.to_string())
}

pub fn lc3() -> StreamFormat {
    StreamFormat::lc3(16_000, 20).unwrap()
}

pub fn stream(id: u32, from: u64) -> StreamStart {
    StreamStart {
        stream: StreamId(id),
        format: lc3(),
        from: FrameIndex(from),
        transcribed: FrameIndex(from),
        continues: None,
        label: "test".into(),
    }
}

pub fn request(url: &str, token: Option<&str>) -> Request {
    let address = format!("{}/v1/link", url.replacen("http", "ws", 1));
    let mut request = address.into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "glasslink.v1".parse().unwrap());
    if let Some(token) = token {
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    request
}

impl Client {
    pub async fn connect(request: Request) -> Result<Self, Error> {
        let connecting = tokio_tungstenite::connect_async(request);
        let (socket, _) = timeout(PATIENCE, connecting).await.expect("the relay answers")?;
        Ok(Self { socket })
    }

    pub async fn plain(url: &str) -> Self {
        Self::connect(request(url, None)).await.unwrap()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Says hello, and returns the welcome.
    pub async fn greet(&mut self, fields: HelloFields) -> RelayMessage {
        self.say_hello(fields).await;
        self.until(|message| matches!(message, RelayMessage::Welcome { .. })).await
    }

    pub async fn say_hello(&mut self, fields: HelloFields) {
        let HelloFields { session, holder, attach, take, epoch, events_after, streams, remote_speech } =
            fields;
        let client = "test".into();
        let (ping_ms, continues) = (5_000, None);
        self.say(&ClientMessage::Hello {
            session,
            holder,
            attach,
            take,
            epoch,
            events_after,
            ping_ms,
            streams,
            continues,
            client,
            remote_speech,
        })
        .await;
    }

    pub async fn say(&mut self, message: &ClientMessage) {
        self.send(Message::text(message.encode())).await;
    }

    /// A message the relay may have closed the connection on already.
    pub async fn send(&mut self, message: Message) {
        let _ = timeout(PATIENCE, self.socket.send(message)).await.expect("the relay reads");
    }

    /// Sends `count` frames of zeros.
    pub async fn audio(&mut self, id: u32, first: u64, count: u16) {
        let body = vec![0; usize::from(count) * 20];
        self.frames(id, first, count, &body).await;
    }

    pub async fn frames(&mut self, id: u32, first: u64, count: u16, body: &[u8]) {
        let mut bytes = Vec::new();
        AudioMessage { stream: StreamId(id), first: FrameIndex(first), count, body }.encode(&mut bytes);
        self.send(Message::binary(bytes)).await;
    }

    async fn next(&mut self) -> Option<Result<Message, Error>> {
        timeout(PATIENCE, self.socket.next()).await.expect("the relay says something")
    }

    /// The first message that is `wanted`; others are passed over.
    pub async fn until(&mut self, wanted: impl Fn(&RelayMessage) -> bool) -> RelayMessage {
        self.until_all(wanted).await.pop().unwrap()
    }

    /// The messages up to the first that is `wanted`.
    pub async fn until_all(&mut self, wanted: impl Fn(&RelayMessage) -> bool) -> Vec<RelayMessage> {
        let mut messages = Vec::new();
        loop {
            match self.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message = RelayMessage::decode(&text).unwrap();
                    messages.push(message);
                    if messages.last().is_some_and(&wanted) {
                        return messages;
                    }
                }
                Some(Ok(Message::Close(frame))) => panic!("closed: {frame:?}"),
                Some(Ok(_)) => {}
                other => panic!("the connection ended: {other:?}"),
            }
        }
    }

    /// The messages until the close, and its code.
    pub async fn until_closed(&mut self) -> (Vec<RelayMessage>, Option<u16>) {
        let (mut messages, mut code) = (Vec::new(), None);
        loop {
            match self.next().await {
                Some(Ok(Message::Text(text))) => messages.push(RelayMessage::decode(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => code = frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (messages, code),
            }
        }
    }
}

/// One request on a connection of its own; what came back until the relay closed.
pub async fn raw(address: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Whether the relay closes or resets is its own affair.
    let _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("the relay closes");
    String::from_utf8(answer).unwrap()
}

/// Looks until there is something to see. `what` is being waited for.
///
/// The clock of a test may stand still, and does not move on while this waits.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        spawn_blocking(|| thread::sleep(LOOK_AGAIN)).await.unwrap();
    }
}

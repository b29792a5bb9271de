//! An app of a few lines, on a real socket.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use glasslink_protocol::{
    AppAudio, AppEvent, AppMessage, EventNumber, FrameIndex, SessionId, StreamId, SubscriptionId, Wanted,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::PATIENCE;

pub struct App {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What an app is told: text, or audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Event(AppEvent),
    Audio { subscription: SubscriptionId, stream: StreamId, first: u64, count: u16, body: Vec<u8> },
}

/// A request for the door, with these subprotocols.
pub fn app_request(url: &str, subprotocols: &str) -> Request {
    let address = format!("{}/v1/app", url.replacen("http", "ws", 1));
    let mut request = address.into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", subprotocols.parse().unwrap());
    request
}

impl App {
    pub async fn connect(request: Request) -> Result<Self, Error> {
        let connecting = tokio_tungstenite::connect_async(request);
        let (socket, _) = timeout(PATIENCE, connecting).await.expect("the relay answers")?;
        Ok(Self { socket })
    }

    pub async fn plain(url: &str) -> Self {
        Self::connect(app_request(url, "glasslink.v1")).await.unwrap()
    }

    /// One whose system takes in little that it does not read.
    pub async fn narrow(url: &str, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let tcp = MaybeTlsStream::Plain(socket.connect(address).await.unwrap());
        let (socket, _) =
            tokio_tungstenite::client_async(app_request(url, "glasslink.v1"), tcp).await.unwrap();
        Self { socket }
    }

    pub async fn say(&mut self, message: &AppMessage) {
        self.socket_say(Message::text(message.encode())).await;
    }

    /// Whatever it is.
    pub async fn socket_say(&mut self, message: Message) {
        let _ = timeout(PATIENCE, self.socket.send(message)).await.expect("the relay reads");
    }

    /// Subscribes, and returns the answer.
    pub async fn subscribe(&mut self, subscription: u32, session: u128, want: Wanted) -> AppEvent {
        let (subscription, session) = (SubscriptionId(subscription), SessionId(session));
        let (epoch, since) = (None, EventNumber(0));
        self.say(&AppMessage::Subscribe { subscription, session, want, epoch, since }).await;
        self.event().await
    }

    /// What comes next; `None` when the connection ended, with its code.
    pub async fn hear(&mut self) -> Result<Heard, Option<u16>> {
        loop {
            let next = timeout(PATIENCE, self.socket.next()).await.expect("the relay says something");
            match next {
                Some(Ok(Message::Text(text))) => return Ok(Heard::Event(AppEvent::decode(&text).unwrap())),
                Some(Ok(Message::Binary(bytes))) => {
                    let AppAudio { subscription, stream, first, count, body } =
                        AppAudio::decode(&bytes).unwrap();
                    let (FrameIndex(first), body) = (first, body.to_vec());
                    return Ok(Heard::Audio { subscription, stream, first, count, body });
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    pub async fn event(&mut self) -> AppEvent {
        match self.hear().await {
            Ok(Heard::Event(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    /// What comes up to the first that is `wanted`.
    pub async fn until(&mut self, wanted: impl Fn(&Heard) -> bool) -> Vec<Heard> {
        let mut heard = Vec::new();
        loop {
            heard.push(self.hear().await.unwrap_or_else(|code| panic!("closed: {code:?} after {heard:?}")));
            if heard.last().is_some_and(&wanted) {
                return heard;
            }
        }
    }

    /// The code of the close that comes, whatever comes before it.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.hear().await {
                return code;
            }
        }
    }
}

/// Whether it is the end of a stream.
pub fn is_ended(heard: &Heard) -> bool {
    matches!(heard, Heard::Event(AppEvent::Ended { .. }))
}

/// What was told of the frames of a stream, in order: (`audio` | `gap` | `missed`, from, to).
pub fn ranges(heard: &[Heard]) -> Vec<(&'static str, u64, u64)> {
    let range = |heard: &Heard| match heard {
        Heard::Audio { first, count, .. } => Some(("audio", *first, first + u64::from(*count))),
        Heard::Event(AppEvent::Gap { gap, .. }) => Some(("gap", gap.from.0, gap.to.0)),
        Heard::Event(AppEvent::Missed { from, to, .. }) => Some(("missed", from.0, to.0)),
        Heard::Event(_) => None,
    };
    heard.iter().filter_map(range).collect()
}

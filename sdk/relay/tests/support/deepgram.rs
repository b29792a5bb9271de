//! A client of Deepgram's protocol, of a few lines.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::PATIENCE;

pub struct Deepgram {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub response: Response,
}

/// A request for this path and query.
pub fn listen(url: &str, path: &str) -> Request {
    format!("{}{path}", url.replacen("http", "ws", 1)).into_client_request().unwrap()
}

pub fn with(mut request: Request, header: &'static str, value: &str) -> Request {
    request.headers_mut().insert(header, value.parse().unwrap());
    request
}

impl Deepgram {
    pub async fn connect(request: Request) -> Result<Self, Error> {
        let connecting = tokio_tungstenite::connect_async(request);
        let (socket, response) = timeout(PATIENCE, connecting).await.expect("the relay answers")?;
        Ok(Self { socket, response })
    }

    /// `linear16` at 16 kHz, with what else is asked for.
    pub async fn at_16_khz(url: &str, query: &str) -> Self {
        let path = format!("/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&{query}");
        Self::connect(listen(url, &path)).await.unwrap()
    }

    pub async fn send(&mut self, message: Message) {
        let _ = timeout(PATIENCE, self.socket.send(message)).await.expect("the relay reads");
    }

    pub async fn say(&mut self, kind: &str) {
        self.send(Message::text(format!(r#"{{"type":"{kind}"}}"#))).await;
    }

    /// Silence, in messages of 100 ms of 16-bit samples at 16 kHz.
    pub async fn audio(&mut self, tenths: usize) {
        for _ in 0..tenths {
            self.send(Message::binary(vec![0; 3_200])).await;
        }
    }

    /// What comes next, or how it ended: code and reason.
    pub async fn hear(&mut self) -> Result<Value, Option<(u16, String)>> {
        let text = self.hear_text().await?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The same as it is.
    pub async fn hear_text(&mut self) -> Result<String, Option<(u16, String)>> {
        loop {
            let next = timeout(PATIENCE, self.socket.next()).await.expect("the relay says something");
            match next {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// What comes up to the first that is `wanted`.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut heard = Vec::new();
        loop {
            heard.push(self.hear().await.unwrap_or_else(|end| panic!("closed: {end:?} after {heard:#?}")));
            if heard.last().is_some_and(&wanted) {
                return heard;
            }
        }
    }

    /// Everything up to the end, and how it ended.
    pub async fn rest(&mut self) -> (Vec<Value>, Option<(u16, String)>) {
        let mut heard = Vec::new();
        loop {
            match self.hear().await {
                Ok(message) => heard.push(message),
                Err(end) => return (heard, end),
            }
        }
    }
}

/// The texts of what will not change.
pub fn finals(heard: &[Value]) -> Vec<String> {
    let texts = heard
        .iter()
        .filter(|message| message["is_final"] == true)
        .map(|message| message["channel"]["alternatives"][0]["transcript"].as_str().unwrap().to_owned());
    texts.filter(|text| !text.is_empty()).collect()
}

pub fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |message| message["type"] == kind
}

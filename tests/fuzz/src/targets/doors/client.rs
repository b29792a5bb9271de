use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::targets::hexadecimal;

/// Longer than the relay takes for anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// Bytes of one message of nothing.
const MOST: usize = 64 << 10;

pub(super) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    texts: Vec<String>,
}

/// What it was told, and the code at the end if there was one.
pub(super) struct Ended {
    pub(super) code: Option<u16>,
    pub(super) texts: Vec<String>,
}

/// Connects with the input's first line as the query; `None` where that makes no request, or one that is refused.
pub(super) async fn connect(relay: &str, path: &str, input: &[u8]) -> Option<Client> {
    let text = String::from_utf8_lossy(input);
    let query = text.lines().next().unwrap_or_default();
    let request = format!("{relay}{path}?{query}").into_client_request().ok()?;
    match timeout(PATIENCE, connect_async(request)).await.expect("the relay answers") {
        Ok((socket, _)) => Some(Client { socket, texts: Vec::new() }),
        Err(Error::Http(response)) => {
            assert!(response.status().is_client_error(), "{response:?}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

impl Client {
    /// Does what the lines say. Whether it is connected still.
    pub(super) async fn play<'a>(&mut self, lines: impl Iterator<Item = &'a str>) -> bool {
        for line in lines {
            let rest = line.get(1..).unwrap_or_default();
            match line.as_bytes().first() {
                Some(b'~') => self.send(Message::binary(hexadecimal(rest))).await,
                Some(b'=') => {
                    let bytes = rest.parse::<usize>().unwrap_or(1_000).min(MOST);
                    self.send(Message::binary(vec![0; bytes])).await;
                }
                // Without a word.
                Some(b'!') => return false,
                _ => self.send_text(line).await,
            }
        }
        true
    }

    pub(super) async fn send_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    async fn send(&mut self, message: Message) {
        // The relay may have had enough already.
        let _ = timeout(PATIENCE, self.socket.send(message)).await.expect("the relay reads");
    }

    pub(super) async fn close(&mut self) {
        let _ = self.socket.close(None).await;
    }

    pub(super) async fn rest(mut self) -> Ended {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the relay says something") {
                Some(Ok(Message::Text(text))) => self.texts.push(text.to_string()),
                Some(Ok(Message::Close(frame))) => {
                    return Ended { code: frame.map(|frame| frame.code.into()), texts: self.texts };
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ended { code: None, texts: self.texts },
            }
        }
    }
}

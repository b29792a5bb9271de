use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use glasslink_protocol::{ClientMessage, Durability, Epoch, SUBPROTOCOL, TranscriptEvent};
use glasslink_session::{Attachment, Hello, RelayAction, RelayConfig, RelayEvent, RelaySession, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::said::{LISTENER, Say, settled};

/// Nobody who was started to listen takes longer.
const LONGEST: Duration = Duration::from_mins(10);

/// Prints its address and takes connections until it is killed: talks to listeners, and takes the audio of others.
pub(crate) async fn talk() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    loop {
        let (tcp, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Ok(Err(error)) = timeout(LONGEST, serve(tcp)).await {
                eprintln!("talk: {error:#}");
            }
        });
    }
}

struct Talk {
    socket: WebSocketStream<TcpStream>,
    session: RelaySession,
    attachment: Attachment,
    origin: Instant,
    script: Box<dyn Iterator<Item = (Duration, Say)> + Send>,
}

async fn serve(tcp: TcpStream) -> Result<()> {
    tcp.set_nodelay(true)?;
    #[expect(clippy::result_large_err, reason = "the library's callback")]
    let ours = |_: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let name = HeaderValue::from_static(SUBPROTOCOL);
        response.headers_mut().insert("sec-websocket-protocol", name);
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(tcp, ours).await?;
    let hello = socket.next().await.context("nobody says hello")??;
    let hello = Hello::try_from(ClientMessage::decode(hello.to_text()?)?);
    let hello = hello.ok().context("hello comes first")?;
    let config = RelayConfig::new(Epoch(1), Durability::Memory);
    let mut session = RelaySession::new(config, hello.session, Timestamp::ZERO);
    let attachment = session.attach(Timestamp::ZERO, &hello)?;
    let script: Box<dyn Iterator<Item = _> + Send> =
        if hello.client == LISTENER { Box::new(Say::all()) } else { Box::new(std::iter::empty()) };
    Talk { socket, session, attachment, origin: Instant::now(), script }.run().await
}

impl Talk {
    fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.origin.elapsed())
    }

    async fn run(mut self) -> Result<()> {
        let mut next = self.script.next();
        let mut said_at = tokio::time::Instant::now();
        while self.send().await? {
            let due = self.session.poll_timeout().unwrap_or(self.now() + LONGEST);
            let due = tokio::time::Instant::from_std(self.origin + due.since_origin());
            let say = next.map_or(due, |(pause, _)| said_at + pause);
            tokio::select! {
                () = sleep_until(say), if next.is_some() => {
                    let said = next.map(|(_, say)| say.words()).unwrap_or_default();
                    for marker in said {
                        self.session.append(TranscriptEvent::Final(settled(&marker)));
                    }
                    said_at = tokio::time::Instant::now();
                    next = self.script.next();
                }
                message = self.socket.next() => match message {
                    Some(Ok(message)) => self.take(&message),
                    _ => return Ok(()),
                },
                () = sleep_until(due) => self.session.handle_timeout(self.now()),
            }
        }
        Ok(())
    }

    fn take(&mut self, message: &Message) {
        let now = self.now();
        match message {
            Message::Text(text) => self.session.text(now, self.attachment, text),
            Message::Binary(audio) => self.session.audio(now, self.attachment, audio),
            _ => self.session.traffic(now, self.attachment),
        }
    }

    /// Does what the session wants; whether the connection goes on.
    async fn send(&mut self) -> Result<bool> {
        while let Some(action) = self.session.poll_action() {
            match action {
                RelayAction::SendText { text, .. } => self.socket.feed(Message::Text(text.into())).await?,
                RelayAction::Close { .. } => return Ok(false),
                RelayAction::Event(RelayEvent::Frames { stream, first, count, .. }) => {
                    self.session.kept(self.now(), stream, first + u64::from(count));
                }
                RelayAction::Event(RelayEvent::Gap(gap)) => {
                    self.session.kept(self.now(), gap.stream, gap.to);
                }
                RelayAction::Event(_) => {}
            }
        }
        self.socket.flush().await?;
        Ok(true)
    }
}

//! A relay that does as it is told: the protocol is the real one, what answers is a script.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

#[path = "../../../relay/tests/support/tls.rs"]
pub mod anyone;
pub mod middle;
pub mod proxy;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use glasslink::{
    EngineState, Epoch, Event, Events, Final, FrameIndex, LinkState, SessionId, StreamId, TranscriptEvent,
};
use glasslink_protocol::{ClientMessage, CloseCode, Durability, SUBPROTOCOL};
use glasslink_session::{Attachment, Hello, RelayAction, RelayConfig, RelayEvent, RelaySession, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Longer than anything here takes, shorter than a person waits.
pub const SOON: Duration = Duration::from_secs(20);

pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.unwrap_or_else(|_| panic!("in vain waited for {what}"))
}

/// The next event that `pick` takes.
pub async fn event<T>(events: &mut Events, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    soon(what, async {
        loop {
            let event = events.next().await.expect("the link lives").expect("nothing is missed");
            if let Some(picked) = pick(&event) {
                return picked;
            }
        }
    })
    .await
}

/// The next state that `pick` takes.
pub async fn state<T>(events: &mut Events, what: &str, mut pick: impl FnMut(LinkState) -> Option<T>) -> T {
    event(events, what, |event| match event {
        Event::State(state) => pick(*state),
        _ => None,
    })
    .await
}

/// What the relay has of a stream.
#[derive(Clone, Default)]
pub struct Heard {
    pub frames: Vec<(FrameIndex, Vec<u8>)>,
    pub clocks: usize,
    pub ended: Option<FrameIndex>,
}

#[derive(Clone)]
pub struct Script {
    pub token: Option<&'static str>,
    pub engine: EngineState,
}

impl Default for Script {
    fn default() -> Self {
        Self { token: None, engine: EngineState::Ready }
    }
}

/// What one connection has to send, and how it ends.
type Outbox = (Vec<String>, Option<CloseCode>);

struct State {
    script: Script,
    origin: Instant,
    sessions: HashMap<SessionId, RelaySession>,
    heard: HashMap<StreamId, Heard>,
    outboxes: HashMap<(SessionId, Attachment), Outbox>,
    connections: Vec<AbortHandle>,
    goodbyes: usize,
}

#[derive(Clone)]
pub struct ScriptedRelay {
    pub port: u16,
    state: Arc<Mutex<State>>,
    /// Moves with everything that happens.
    changed: Arc<watch::Sender<()>>,
}

impl ScriptedRelay {
    pub async fn start(script: Script) -> Self {
        Self::over(script, |tcp| async { Some(tcp) }).await
    }

    /// `wrap` makes a transport of what was accepted.
    pub async fn over<W, F, T>(script: Script, wrap: W) -> Self
    where
        W: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = Option<T>> + Send,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, script, wrap)
    }

    pub fn on<W, F, T>(listener: TcpListener, script: Script, wrap: W) -> Self
    where
        W: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = Option<T>> + Send,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let relay = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::new(Mutex::new(State {
                script,
                origin: Instant::now(),
                sessions: HashMap::new(),
                heard: HashMap::new(),
                outboxes: HashMap::new(),
                connections: Vec::new(),
                goodbyes: 0,
            })),
            changed: Arc::new(watch::Sender::new(())),
        };
        let accepting = relay.clone();
        let wrap = Arc::new(wrap);
        tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let (relay, wrap) = (accepting.clone(), Arc::clone(&wrap));
                let task = tokio::spawn(async move {
                    if let Some(transport) = wrap(tcp).await {
                        relay.serve(transport).await;
                    }
                });
                accepting.state.lock().unwrap().connections.push(task.abort_handle());
            }
        });
        relay
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Kills every connection, as a network does: no close, no goodbye.
    pub fn cut(&self) {
        for connection in self.state.lock().unwrap().connections.drain(..) {
            connection.abort();
        }
    }

    pub fn open_connections(&self) -> usize {
        self.state.lock().unwrap().connections.iter().filter(|task| !task.is_finished()).count()
    }

    pub fn heard(&self, stream: StreamId) -> Heard {
        self.state.lock().unwrap().heard.get(&stream).cloned().unwrap_or_default()
    }

    pub fn goodbyes(&self) -> usize {
        self.state.lock().unwrap().goodbyes
    }

    /// Tells the client that the stream's frames cannot be decoded.
    pub fn ask_for_pcm(&self, session: SessionId, stream: StreamId) {
        self.with(session, |session, _| session.ask_for_pcm(stream));
        self.changed.send_replace(());
    }

    pub fn accept_token(&self, token: &'static str) {
        self.state.lock().unwrap().script.token = Some(token);
    }

    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let mut changed = self.changed.subscribe();
        soon(what, async {
            while !holds(self) {
                changed.changed().await.unwrap();
            }
        })
        .await;
    }

    /// Waits until `count` frames of the stream arrived.
    pub async fn until_heard(&self, stream: StreamId, count: usize) {
        self.until("frames", |relay| relay.heard(stream).frames.len() >= count).await;
    }

    async fn serve(&self, transport: impl AsyncRead + AsyncWrite + Unpin) {
        let token = self.state.lock().unwrap().script.token;
        #[allow(clippy::result_large_err, reason = "the library's callback")]
        let check = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            let expected = token.map(|token| format!("Bearer {token}"));
            let given =
                request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
            if expected != given {
                let refusal = Response::builder().status(401).body(None).unwrap();
                return Err(refusal);
            }
            assert_eq!(request.headers()["sec-websocket-protocol"], SUBPROTOCOL);
            response.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
            Ok(response)
        };
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(transport, check).await else { return };
        let Some(Ok(Message::Text(hello))) = socket.next().await else { return };
        let hello = Hello::try_from(ClientMessage::decode(&hello).unwrap()).unwrap();
        let id = hello.session;
        let attached = self.with(id, |session, now| session.attach(now, &hello));
        let attachment = match attached {
            Ok(attachment) => attachment,
            Err(error) => {
                let _ = socket.close(Some(close_frame(error.close_code()))).await;
                return;
            }
        };
        let mut changed = self.changed.subscribe();
        loop {
            let (outgoing, close) = self.drain(id, attachment);
            for text in outgoing {
                if socket.send(Message::Text(text.into())).await.is_err() {
                    return;
                }
            }
            if let Some(code) = close {
                let _ = socket.close(Some(close_frame(code))).await;
                while let Some(Ok(_)) = socket.next().await {}
                return;
            }
            let due = self.with(id, |session, now| {
                session.poll_timeout().map_or(Duration::from_hours(1), |at| at.since(now))
            });
            tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        self.with(id, |session, now| session.text(now, attachment, &text));
                    }
                    Some(Ok(Message::Binary(audio))) => {
                        self.with(id, |session, now| session.audio(now, attachment, &audio));
                    }
                    Some(Ok(_)) => self.with(id, |session, now| session.traffic(now, attachment)),
                    _ => {
                        self.with(id, |session, now| session.detach(now, attachment));
                        return;
                    }
                },
                () = tokio::time::sleep(due) => self.with(id, RelaySession::handle_timeout),
                _ = changed.changed() => {}
            }
        }
    }

    fn with<T>(&self, id: SessionId, call: impl FnOnce(&mut RelaySession, Timestamp) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        let now = Timestamp::from_origin(state.origin.elapsed());
        let engine = state.script.engine;
        let session = state.sessions.entry(id).or_insert_with(|| {
            let config = RelayConfig {
                epoch: Epoch(1),
                durability: Durability::Memory,
                keep: Duration::from_mins(10),
                history_events: 1_000,
                history_bytes: 1 << 20,
                relay: "script".into(),
            };
            let mut session = RelaySession::new(config, id, now);
            session.set_engine(engine, "as the script says".into(), String::new(), None);
            session
        });
        call(session, now)
    }

    /// Does what the session wants: keeps and transcribes what came. Returns what this connection has to send.
    fn drain(&self, id: SessionId, attachment: Attachment) -> Outbox {
        let mut acted = false;
        while let Some(action) = self.with(id, |session, _| session.poll_action()) {
            acted = true;
            match action {
                RelayAction::SendText { attachment, text } => {
                    let mut state = self.state.lock().unwrap();
                    state.outboxes.entry((id, attachment)).or_default().0.push(text);
                }
                RelayAction::Close { attachment, code } => {
                    let mut state = self.state.lock().unwrap();
                    state.outboxes.entry((id, attachment)).or_default().1 = Some(code);
                }
                RelayAction::Event(event) => self.happened(id, &event),
            }
        }
        if acted {
            self.changed.send_replace(());
        }
        self.state.lock().unwrap().outboxes.remove(&(id, attachment)).unwrap_or_default()
    }

    fn happened(&self, id: SessionId, event: &RelayEvent) {
        let transcribes = {
            let mut state = self.state.lock().unwrap();
            match event {
                RelayEvent::Frames { stream, first, count, body } => {
                    let size = body.len() / usize::from(*count);
                    let frames = body.chunks(size).zip(first.0..);
                    let frames = frames.map(|(frame, index)| (FrameIndex(index), frame.to_vec()));
                    state.heard.entry(*stream).or_default().frames.extend(frames);
                }
                RelayEvent::Clock(mark) => state.heard.entry(mark.stream).or_default().clocks += 1,
                RelayEvent::Ended { stream, at } => {
                    state.heard.entry(*stream).or_default().ended = Some(*at);
                }
                RelayEvent::Bye => state.goodbyes += 1,
                _ => {}
            }
            state.script.engine == EngineState::Ready
        };
        self.with(id, |session, now| match *event {
            RelayEvent::Frames { stream, first, count, .. } => {
                session.kept(now, stream, first + u64::from(count));
            }
            RelayEvent::Gap(gap) => session.kept(now, gap.stream, gap.to),
            RelayEvent::Ended { stream, at } if transcribes => {
                session.append(TranscriptEvent::Final(Final {
                    stream,
                    from: FrameIndex(0),
                    to: at,
                    text: format!("{at} frames"),
                    words: vec![],
                }));
                session.transcribed(now, stream, at);
            }
            _ => {}
        });
    }
}

fn close_frame(code: CloseCode) -> CloseFrame {
    CloseFrame { code: code.code().into(), reason: "".into() }
}

/// A server that answers every connection with `answer`, whatever it was asked. Returns its port.
pub async fn answers_with(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = tcp.read(&mut request).await;
                let _ = tcp.write_all(answer.as_bytes()).await;
                let _ = tcp.shutdown().await;
            });
        }
    });
    port
}

/// The frames a test sends: each says which it is.
pub fn frame(number: u64) -> [u8; 20] {
    let mut frame = [0x5A; 20];
    frame[..8].copy_from_slice(&number.to_le_bytes());
    frame
}

/// Whether exactly the first `count` of [`frame`] arrived, once and in order.
pub fn assert_whole(heard: &Heard, count: u64) {
    let expected: Vec<_> = (0..count).map(|number| (FrameIndex(number), frame(number).to_vec())).collect();
    assert_eq!(heard.frames.len(), expected.len());
    assert_eq!(heard.frames, expected);
}

/// Welcomes whoever comes, and never reads again.
pub async fn deaf_relay(listener: TcpListener) {
    let mut deaf = Vec::new();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        #[allow(clippy::result_large_err, reason = "the library's callback")]
        let agree = |_: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            response.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(tcp, agree).await.unwrap();
        let Some(Ok(Message::Text(hello))) = socket.next().await else { continue };
        let Ok(ClientMessage::Hello { session, .. }) = ClientMessage::decode(&hello) else { continue };
        let welcome = glasslink_protocol::RelayMessage::Welcome {
            session,
            epoch: Epoch(1),
            durability: Durability::Memory,
            streams: vec![],
            events_from: glasslink::EventNumber(1),
            keep_ms: 600_000,
            relay: "deaf".into(),
        };
        socket.send(Message::Text(welcome.encode().into())).await.unwrap();
        deaf.push(socket);
    }
}

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::header::AUTHORIZATION;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::results::{Answer, Heard};
use crate::engine::{EngineError, EngineEvent, SAMPLE_RATE};
use crate::outgoing::{Answer as HttpAnswer, Outgoing};
use crate::remote::{Fed, Feed, Site, answered, outgoing, quoted};

/// The server closes what is silent for 10 s, and is to be told of life every 3 to 5 s.
const KEEP_ALIVE: Duration = Duration::from_secs(3);

/// A connection is given back when nothing came for this long: keeping it costs, and so does opening another.
const IDLE: Duration = Duration::from_secs(30);

/// Samples a message has at most: 250 ms, the most that the protocol's own documents advise.
const MESSAGE: usize = SAMPLE_RATE as usize / 4;

/// With less audio than this unheard, a server may have nothing to say.
const WORTH_AN_ANSWER: u64 = 2 * SAMPLE_RATE as u64;

/// Less than this may be left out at the end: half a word.
const REMAINDER: u64 = SAMPLE_RATE as u64 / 4;

/// The largest message taken: a minute of words has 20 KiB.
const LARGEST: usize = 256 << 10;

const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;
const FINALIZE: &str = r#"{"type":"Finalize"}"#;
const KEEP_ALIVE_TEXT: &str = r#"{"type":"KeepAlive"}"#;

type Socket = WebSocketStream<crate::outgoing::Wire>;

/// One recognition.
pub(super) struct Live {
    site: Arc<Site>,
    query: Arc<str>,
    feed: Feed,
    /// Where the next sample stands.
    position: u64,
}

/// Why a connection is over, when all went well.
enum Over {
    Finished,
    /// So many samples do not exist.
    Skip(u64),
    Idle,
    /// Nobody wants the text.
    Gone,
}

/// A connection, and how far the server is.
struct Connection<'a> {
    socket: Socket,
    feed: &'a mut Feed,
    timeout: Duration,
    /// Where its first sample stands.
    base: u64,
    sent: u64,
    heard: Heard,
    /// When an answer was last waited for in vain.
    waiting_since: Option<Instant>,
    /// The server has told all that it heard.
    summed_up: bool,
    /// It has closed as it should.
    done: bool,
}

impl Live {
    pub(super) fn new(site: Arc<Site>, query: Arc<str>, feed: Feed) -> Self {
        Self { site, query, feed, position: 0 }
    }

    pub(super) async fn run(mut self) -> Result<(), EngineError> {
        loop {
            match self.feed.next().await {
                None => return Ok(()),
                Some(Fed::Skip(samples)) => self.skip(samples),
                Some(Fed::Finish) => {
                    self.feed.say(EngineEvent::Transcribed { to: self.position });
                    return Ok(());
                }
                Some(Fed::Audio(first)) => {
                    let socket = connect(&self.site, &self.query).await?;
                    let mut connection = Connection {
                        socket,
                        feed: &mut self.feed,
                        timeout: self.site.timeout,
                        base: self.position,
                        sent: 0,
                        heard: Heard::new(self.position),
                        waiting_since: None,
                        summed_up: false,
                        done: false,
                    };
                    let over = connection.live(&first).await?;
                    if matches!(over, Over::Gone) {
                        return Ok(());
                    }
                    connection.close().await?;
                    self.position += connection.sent;
                    match over {
                        Over::Skip(samples) => self.skip(samples),
                        Over::Finished | Over::Idle | Over::Gone => {
                            self.feed.say(EngineEvent::Transcribed { to: self.position });
                        }
                    }
                    if matches!(over, Over::Finished) {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn skip(&mut self, samples: u64) {
        self.position += samples;
        self.feed.say(EngineEvent::Transcribed { to: self.position });
    }
}

impl Connection<'_> {
    /// Sends what is fed and tells what is heard, until the feed or the connection is over.
    async fn live(&mut self, first: &[i16]) -> Result<Over, EngineError> {
        self.audio(first).await?;
        let mut last_audio = Instant::now();
        let mut keep_alive = last_audio + KEEP_ALIVE;
        loop {
            let deadline = self.waiting_since.map(|since| since + self.timeout);
            tokio::select! {
                fed = self.feed.next() => match fed {
                    Some(Fed::Audio(pcm)) => {
                        self.audio(&pcm).await?;
                        last_audio = Instant::now();
                        keep_alive = last_audio + KEEP_ALIVE;
                    }
                    Some(Fed::Skip(samples)) => return Ok(Over::Skip(samples)),
                    Some(Fed::Finish) => return Ok(Over::Finished),
                    None => return Ok(Over::Gone),
                },
                message = self.socket.next() => self.message(message)?,
                () = sleep_until(keep_alive) => {
                    if last_audio.elapsed() >= IDLE {
                        return Ok(Over::Idle);
                    }
                    // Whoever paused waits for the end of the sentence.
                    if self.heard.to() < self.base + self.sent {
                        self.send(Message::text(FINALIZE)).await?;
                    }
                    self.send(Message::text(KEEP_ALIVE_TEXT)).await?;
                    keep_alive = Instant::now() + KEEP_ALIVE;
                }
                () = sleep_until(deadline.unwrap_or(keep_alive)), if deadline.is_some() => {
                    return Err(self.timed_out());
                }
            }
            if self.done {
                return Err(EngineError::Broken { detail: "it closed in the middle".to_owned() });
            }
        }
    }

    /// Has the server finish what it was sent.
    async fn close(&mut self) -> Result<(), EngineError> {
        self.send(Message::text(CLOSE_STREAM)).await?;
        while !self.done {
            let next = timeout(self.timeout, self.socket.next()).await;
            self.message(next.map_err(|_| self.timed_out())?)?;
        }
        Ok(())
    }

    async fn audio(&mut self, pcm: &[i16]) -> Result<(), EngineError> {
        for samples in pcm.chunks(MESSAGE) {
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            self.send(Message::binary(Bytes::from(bytes))).await?;
            self.sent += samples.len() as u64;
        }
        if self.waiting_since.is_none() && self.is_worth_an_answer() {
            self.waiting_since = Some(Instant::now());
        }
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), EngineError> {
        match timeout(self.timeout, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(|error| Self::lost(&error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    fn is_worth_an_answer(&self) -> bool {
        self.base + self.sent >= self.heard.to() + WORTH_AN_ANSWER
    }

    fn message(&mut self, message: Option<Result<Message, Error>>) -> Result<(), EngineError> {
        match message {
            Some(Ok(Message::Text(text))) => self.answer(&text),
            Some(Ok(Message::Close(frame))) => self.closed(frame.as_ref()),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(Self::lost(&error)),
            None if self.done => Ok(()),
            None => Err(EngineError::Broken { detail: "it hung up in the middle".to_owned() }),
        }
    }

    fn answer(&mut self, text: &str) -> Result<(), EngineError> {
        let answer: Answer = serde_json::from_str(text).map_err(|_| EngineError::Broken {
            // Its words may be in the error's.
            detail: "a message is not what the protocol says".to_owned(),
        })?;
        match answer {
            Answer::Results(results) => {
                for event in self.heard.hear(results, self.base + self.sent) {
                    self.feed.say(event);
                }
                self.waiting_since = self.is_worth_an_answer().then(Instant::now);
            }
            // The last message of a stream that was closed.
            Answer::Metadata => self.summed_up = true,
            Answer::Error { description, code } => {
                let words = code.as_deref().or(description.as_deref()).unwrap_or("an error without a word");
                return Err(EngineError::Broken { detail: format!("it reports {}", quoted(words)) });
            }
            Answer::Other => {}
        }
        Ok(())
    }

    fn closed(&mut self, frame: Option<&CloseFrame>) -> Result<(), EngineError> {
        let code = frame.map_or(1005, |frame| u16::from(frame.code));
        let reason = frame.map(|frame| quoted(&frame.reason)).unwrap_or_default();
        let detail = format!("it closed with {code} {reason}");
        match code {
            // Not every server sums up.
            1000 if self.summed_up || self.base + self.sent < self.heard.to() + REMAINDER => {
                self.done = true;
                Ok(())
            }
            // DATA-0000: it is not audio to the server.
            1008 if reason.contains("DATA") => Err(EngineError::Failed { detail }),
            1008 => {
                Err(EngineError::Refused { detail, remedy: "look at the account behind the key".to_owned() })
            }
            // NET-0000: it could not answer in time.
            1011 if reason.contains("NET-0000") => Err(self.timed_out()),
            1001 | 1006 | 1012 | 1013 => Err(EngineError::Unreachable { detail }),
            _ => Err(EngineError::Broken { detail }),
        }
    }

    fn timed_out(&self) -> EngineError {
        EngineError::TimedOut { after: self.timeout }
    }

    fn lost(error: &Error) -> EngineError {
        match error {
            Error::Io(error) => EngineError::Unreachable { detail: format!("connection lost: {error}") },
            // An unexpected end is one of these, too.
            other => EngineError::Broken { detail: quoted(&other.to_string()) },
        }
    }
}

/// A connection as `open` would make it, with a tenth of a second of silence.
pub(super) async fn probe(site: &Site, query: &str) -> Result<(), EngineError> {
    let probing = async {
        let mut socket = connect(site, query).await?;
        let lost = |error: Error| EngineError::Broken { detail: quoted(&error.to_string()) };
        let silence = vec![0; 2 * SAMPLE_RATE as usize / 10];
        socket.send(Message::binary(Bytes::from(silence))).await.map_err(lost)?;
        socket.send(Message::text(CLOSE_STREAM)).await.map_err(lost)?;
        while let Some(message) = socket.next().await {
            if let Message::Close(frame) = message.map_err(lost)? {
                let code = frame.map_or(1005, |frame| u16::from(frame.code));
                return match code {
                    1000 => Ok(()),
                    _ => Err(EngineError::Broken { detail: format!("it closed with {code}") }),
                };
            }
        }
        Err(EngineError::Broken { detail: "it hung up in the middle".to_owned() })
    };
    timeout(site.timeout, probing).await.unwrap_or(Err(EngineError::TimedOut { after: site.timeout }))
}

async fn connect(site: &Site, query: &str) -> Result<Socket, EngineError> {
    let Site { uri, timeout: patience, .. } = site;
    let (_, wire) = Outgoing::open(&site.outgoing, uri).await.map_err(|error| outgoing(&error))?;
    let request = request(site, query)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(8 << 10)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    let upgraded = timeout(*patience, client_async_with_config(request, wire, Some(config))).await;
    match upgraded.map_err(|_| EngineError::TimedOut { after: *patience })? {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => {
            Err(answered(response.status(), HttpAnswer::retry_after(response.headers())))
        }
        Err(error) => Err(EngineError::Broken { detail: quoted(&error.to_string()) }),
    }
}

fn request(site: &Site, query: &str) -> Result<Request, EngineError> {
    let malformed = || EngineError::Misconfigured {
        detail: "its address makes no request".to_owned(),
        remedy: "correct the engine's address".to_owned(),
    };
    let authority = site.uri.authority().ok_or_else(malformed)?;
    let mut request = format!("ws://{authority}{}?{query}", site.uri.path())
        .into_client_request()
        .map_err(|_| malformed())?;
    if let Some(key) = site.authorization("Token")? {
        request.headers_mut().insert(AUTHORIZATION, key);
    }
    Ok(request)
}

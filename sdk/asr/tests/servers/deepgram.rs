//! The Deepgram live protocol, from the server's side: authorization, parameters, keep-alive, finalise and close as the
//! official clients find them.
#![allow(clippy::result_large_err, reason = "the handshake's own type")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::{Ears, Log};

/// What the server does wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    None,
    /// It answers the upgrade with this.
    Status(u16, Option<u64>),
    /// It takes the audio and says nothing.
    Hang,
    /// It closes with this on the first audio.
    Close(u16, &'static str),
    /// It is gone, without a close, once it has heard a second.
    Vanish,
    /// It sends this instead of its first results.
    Say(&'static str),
    /// It closes with 1000 before it was asked to.
    Early,
}

pub struct Server {
    pub url: String,
    pub log: Log,
    pub connections: Arc<Mutex<usize>>,
    pub fault: Arc<Mutex<Fault>>,
}

#[derive(Clone)]
struct Rules {
    key: &'static str,
    ears: Ears,
    log: Log,
    fault: Arc<Mutex<Fault>>,
    /// Silence after which it closes; 10 s there.
    silence: Duration,
}

impl Server {
    pub async fn start(key: &'static str, fault: Fault, ears: Ears) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (log, connections, fault) =
            (Log::default(), Arc::new(Mutex::new(0)), Arc::new(Mutex::new(fault)));
        let rules = Rules {
            key,
            ears,
            log: Arc::clone(&log),
            fault: Arc::clone(&fault),
            silence: Duration::from_secs(10),
        };
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                *count.lock().unwrap() += 1;
                tokio::spawn(serve(tcp, rules.clone()));
            }
        });
        Self { url, log, connections, fault }
    }
}

async fn serve(tcp: TcpStream, rules: Rules) {
    let fault = rules.fault.lock().unwrap().clone();
    let check = |request: &Request, response: Response| check(&rules, &fault, request, response);
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(tcp, check).await else { return };
    if let Err((code, reason)) = listen(&mut socket, &rules, &fault).await {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let _ = socket.close(Some(frame)).await;
        while let Some(Ok(_)) = socket.next().await {}
    }
}

fn check(
    rules: &Rules,
    fault: &Fault,
    request: &Request,
    response: Response,
) -> Result<Response, ErrorResponse> {
    let refuse = |status: u16, retry: Option<u64>| {
        let mut refusal = ErrorResponse::new(None);
        *refusal.status_mut() = status.try_into().unwrap();
        if let Some(seconds) = retry {
            refusal.headers_mut().insert("retry-after", seconds.into());
        }
        Err(refusal)
    };
    if let Fault::Status(status, retry) = fault {
        return refuse(*status, *retry);
    }
    if request.headers().get("authorization").is_none_or(|key| key != &format!("Token {}", rules.key)) {
        return refuse(401, None);
    }
    let query = request.uri().query().unwrap_or_default();
    let has = |wanted: &str| query.split('&').any(|pair| pair == wanted);
    let understood = request.uri().path() == "/v1/listen"
        && query.contains("model=")
        && has("encoding=linear16")
        && has("sample_rate=16000")
        && has("channels=1");
    if understood { Ok(response) } else { refuse(400, None) }
}

type Socket = WebSocketStream<TcpStream>;

/// What was heard on a connection.
struct Heard {
    audio: Vec<i16>,
    /// Samples that have their final results.
    settled: usize,
}

/// Ends with the close that the client is due.
async fn listen(socket: &mut Socket, rules: &Rules, fault: &Fault) -> Result<(), (u16, &'static str)> {
    let mut heard = Heard { audio: Vec::new(), settled: 0 };
    let mut fault = fault.clone();
    loop {
        let silent = Instant::now() + rules.silence;
        let Ok(message) = timeout_at(silent, socket.next()).await else {
            rules.log.lock().unwrap().push("silent for 10 s".into());
            return Err((1011, "NET-0001"));
        };
        match message {
            Some(Ok(Message::Binary(bytes))) => {
                if bytes.is_empty() || bytes.len() % 2 != 0 {
                    rules.log.lock().unwrap().push(format!("{} bytes of audio", bytes.len()));
                    return Err((1008, "DATA-0000"));
                }
                if let Fault::Close(code, reason) = fault {
                    return Err((code, reason));
                }
                if fault == Fault::Early {
                    return Err((1000, ""));
                }
                heard.audio.extend(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
                if fault == Fault::Vanish && heard.audio.len() >= 16_000 {
                    return Ok(());
                }
                if let Fault::Say(text) = fault {
                    let _ = socket.send(Message::text(text)).await;
                    fault = Fault::None;
                }
                // Interim results each second, as an utterance that has not ended.
                if fault == Fault::None
                    && heard.audio.len() / 16_000 > (heard.audio.len() - bytes.len() / 2) / 16_000
                {
                    results(socket, rules, &mut heard, false, false).await;
                }
            }
            Some(Ok(Message::Text(text))) => {
                let message: Value = serde_json::from_str(&text).map_err(|_| (1008, "DATA-0000"))?;
                rules.log.lock().unwrap().push(message["type"].to_string());
                match message["type"].as_str() {
                    _ if fault == Fault::Hang => {}
                    Some("KeepAlive") => {}
                    Some("Finalize") => results(socket, rules, &mut heard, true, true).await,
                    Some("CloseStream") => {
                        results(socket, rules, &mut heard, true, false).await;
                        let metadata = json!({
                            "type": "Metadata", "transaction_key": "deprecated", "request_id": "r", "sha256": "s",
                            "created": "2026-01-01T00:00:00Z", "duration": seconds(heard.audio.len()), "channels": 1,
                        });
                        let _ = socket.send(Message::text(metadata.to_string())).await;
                        return Err((1000, ""));
                    }
                    _ => return Err((1008, "DATA-0000")),
                }
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
            Some(Ok(_)) => {}
        }
    }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / 16_000.0
}

async fn results(socket: &mut Socket, rules: &Rules, heard: &mut Heard, is_final: bool, finalize: bool) {
    let (ears, audio) = (Arc::clone(&rules.ears), heard.audio[heard.settled..].to_vec());
    let start = seconds(heard.settled);
    let duration = seconds(audio.len());
    let finals = if is_final { spawn_blocking(move || ears(&audio)).await.unwrap() } else { Vec::new() };
    if is_final {
        heard.settled = heard.audio.len();
    }
    let mut messages: Vec<Value> = finals
        .iter()
        .map(|said| {
            let at = |position: u64| start + position as f64 / 16_000.0;
            let word = |word: &glasslink_asr::WordTime| {
                json!({
                    "word": word.text.to_lowercase(), "punctuated_word": word.text, "confidence": 0.99,
                    "start": at(word.from), "end": at(word.to),
                })
            };
            let words: Vec<Value> = said.words.iter().map(word).collect();
            message(at(said.from), at(said.to) - at(said.from), is_final, finalize, &said.text, &words)
        })
        .collect();
    // What is left is silence.
    let text = if is_final { "" } else { "so far" };
    messages.push(message(start, duration, is_final, finalize, text, &[]));
    for message in messages {
        let _ = socket.send(Message::text(message.to_string())).await;
    }
}

fn message(start: f64, duration: f64, is_final: bool, finalize: bool, text: &str, words: &[Value]) -> Value {
    json!({
        "type": "Results", "channel_index": [0, 1], "start": start, "duration": duration, "is_final": is_final,
        "speech_final": is_final, "from_finalize": finalize,
        "channel": { "alternatives": [{ "transcript": text, "confidence": 0.99, "words": words }] },
        "metadata": {
            "request_id": "r", "model_uuid": "u",
            "model_info": { "name": "test", "version": "1", "arch": "test" },
        },
    })
}

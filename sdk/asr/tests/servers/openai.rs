//! An OpenAI-compatible endpoint for transcription, from the server's side: it takes multipart with a WAV of 16 kHz in
//! it, and nothing else.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;

use super::{Ears, Log};

/// What the server does wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    None,
    Status(u16, &'static str),
    /// It takes the audio and says nothing.
    Hang,
    /// It hangs up instead of answering.
    Vanish,
    /// It answers 200 with this body.
    Body(&'static str),
    /// It promises more than it sends.
    Half,
    /// It knows no `verbose_json`.
    Plain,
}

pub struct Server {
    pub url: String,
    pub log: Log,
    pub fault: Arc<Mutex<Fault>>,
}

impl Server {
    pub async fn start(key: &'static str, fault: Fault, ears: Ears) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (log, fault) = (Log::default(), Arc::new(Mutex::new(fault)));
        let server = Self { url, log: Arc::clone(&log), fault: Arc::clone(&fault) };
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (fault, ears, log) = (fault.lock().unwrap().clone(), Arc::clone(&ears), Arc::clone(&log));
                tokio::spawn(serve(tcp, key, fault, ears, log));
            }
        });
        server
    }
}

async fn serve(mut tcp: TcpStream, key: &'static str, fault: Fault, ears: Ears, log: Log) {
    let Some((head, body)) = request(&mut tcp).await else { return };
    let (status, extra, answer) = match &fault {
        Fault::Vanish => return,
        Fault::Hang => std::future::pending().await,
        Fault::Status(status, extra) => (*status, *extra, r#"{"error":{"message":"no"}}"#.to_owned()),
        Fault::Body(body) => (200, "", (*body).to_owned()),
        Fault::Half => {
            let half =
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"text\":";
            let _ = tcp.write_all(half.as_bytes()).await;
            return;
        }
        Fault::None | Fault::Plain if !head.contains(&format!("authorization: Bearer {key}\r\n")) => {
            (401, "", r#"{"error":{"message":"Incorrect API key provided"}}"#.to_owned())
        }
        Fault::None | Fault::Plain => match transcribe(&head, body, fault == Fault::Plain, ears).await {
            Ok(answer) => (200, "", answer),
            Err(wrong) => {
                log.lock().unwrap().push(wrong.clone());
                (400, "", json!({ "error": { "message": wrong } }).to_string())
            }
        },
    };
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\n{extra}Content-Length: {}\r\n\r\n",
        answer.len()
    );
    let _ = tcp.write_all(head.as_bytes()).await;
    let _ = tcp.write_all(answer.as_bytes()).await;
}

async fn request(tcp: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if tcp.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
    let mut body = bytes.split_off(end);
    while body.len() < length {
        if tcp.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}

async fn transcribe(head: &str, body: Vec<u8>, plain: bool, ears: Ears) -> Result<String, String> {
    if !head.starts_with("POST /v1/audio/transcriptions HTTP/1.1\r\n") {
        return Err("no such endpoint".into());
    }
    let boundary = head
        .lines()
        .find_map(|line| line.strip_prefix("content-type: multipart/form-data; boundary="))
        .ok_or("not multipart")?;
    let field = |name: &str| field(&body, boundary, name);
    let text = |name: &str| field(name).map(|value| String::from_utf8_lossy(value).into_owned());
    if text("model").is_none_or(|model| model.is_empty()) {
        return Err("no model".into());
    }
    let verbose = match text("response_format").as_deref() {
        Some("verbose_json") if plain => {
            return Err("response_format 'verbose_json' is not compatible".into());
        }
        Some("verbose_json") => true,
        Some("json") => false,
        other => return Err(format!("response_format {other:?}")),
    };
    if verbose && text("timestamp_granularities[]").as_deref() != Some("word") {
        return Err("timestamp_granularities[]".into());
    }
    let audio = samples(field("file").ok_or("no file")?)?;
    let length = audio.len();
    let finals = spawn_blocking(move || ears(&audio)).await.unwrap();
    let said: Vec<&str> = finals.iter().map(|said| said.text.as_str()).collect();
    let words = finals.iter().flat_map(|said| &said.words).map(|word| {
        // Words come without their punctuation there.
        let bare = word.text.trim_matches(|letter: char| letter.is_ascii_punctuation()).to_lowercase();
        json!({ "word": bare, "start": word.from as f64 / 16_000.0, "end": word.to as f64 / 16_000.0 })
    });
    Ok(if verbose {
        json!({
            "task": "transcribe", "language": "english", "duration": length as f64 / 16_000.0,
            "text": said.join(" "), "words": words.collect::<Vec<_>>(),
        })
    } else {
        json!({ "text": said.join(" ") })
    }
    .to_string())
}

fn field<'a>(body: &'a [u8], boundary: &str, name: &str) -> Option<&'a [u8]> {
    let find = |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).position(|window| window == wanted);
    let head = format!("name=\"{name}\"");
    let at = find(body, head.as_bytes())?;
    let from = at + find(&body[at..], b"\r\n\r\n")? + 4;
    let to = from + find(&body[from..], format!("\r\n--{boundary}").as_bytes())?;
    Some(&body[from..to])
}

fn samples(wav: &[u8]) -> Result<Vec<i16>, String> {
    let mut header = [0; 44];
    header.copy_from_slice(wav.get(..44).ok_or("no WAV")?);
    let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
    let is_wav = &header[..4] == b"RIFF" && &header[8..16] == b"WAVEfmt " && &header[36..40] == b"data";
    let right = number(24) == 16_000 && header[22] == 1 && header[34] == 16;
    if !is_wav || !right || number(40) as usize != wav.len() - 44 || number(4) as usize != wav.len() - 8 {
        return Err("not a WAV of 16 kHz, mono, 16 bits".into());
    }
    Ok(wav[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
}

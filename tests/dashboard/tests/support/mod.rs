//! A browser, and a client of a few lines.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::ops::Deref;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client as Driver, ClientBuilder};
use futures_util::{SinkExt, StreamExt};
use glasslink_protocol::{
    AudioMessage, ClientMessage, EventNumber, FrameIndex, StreamFormat, StreamId, StreamStart,
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longer than anything here takes, on any machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

pub struct Browser {
    driver: Driver,
    process: Child,
    _profile: TempDir,
}

impl Browser {
    /// A browser that nobody has used, or `None` where there is none.
    pub async fn start() -> Option<Self> {
        let started = Command::new("chromedriver")
            .args(["--port=0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let Ok(mut process) = started else {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI has chromedriver: `cargo xtask test --all` installs it"
            );
            eprintln!("skipped: there is no chromedriver here (Debian: chromium chromium-driver)");
            return None;
        };
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = timeout(PATIENCE, async {
            loop {
                let line = lines.next_line().await.unwrap().expect("chromedriver says where it listens");
                if let Some(port) = line.split("successfully on port ").nth(1) {
                    return port.trim_end_matches('.').to_owned();
                }
            }
        });
        let port = port.await.expect("chromedriver starts");
        // Nobody reads the rest; it must not block either.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let profile = tempfile::tempdir().unwrap();
        let data = format!("--user-data-dir={}", profile.path().display());
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1360,900",
            &data,
        ];
        let mut wanted = Capabilities::new();
        wanted.insert("goog:chromeOptions".into(), json!({ "args": args }));
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(wanted);
        let address = format!("http://127.0.0.1:{port}");
        let driver = timeout(PATIENCE, builder.connect(&address));
        let driver = driver.await.expect("the browser starts").unwrap();
        Some(Self { driver, process, _profile: profile })
    }

    /// Waits until a script gives what is wanted.
    pub async fn until(&self, script: &str, wanted: impl Into<Value>) {
        let wanted = wanted.into();
        let mut last = Value::Null;
        let asking = async {
            loop {
                last = self.driver.execute(script, Vec::new()).await.unwrap();
                if last == wanted {
                    return;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let done = timeout(PATIENCE, asking).await;
        assert!(done.is_ok(), "{script} gives {last}, not {wanted}");
    }

    /// A picture for people, where `GLASSLINK_PICTURES` says.
    pub async fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("GLASSLINK_PICTURES") {
            // Some seconds of history look more like it.
            sleep(Duration::from_secs(4)).await;
            let picture = self.driver.screenshot().await.unwrap();
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }

    pub async fn end(mut self) {
        let _ = self.driver.clone().close().await;
        let _ = self.process.kill().await;
    }
}

impl Deref for Browser {
    type Target = Driver;

    fn deref(&self) -> &Driver {
        &self.driver
    }
}

pub fn lc3() -> StreamFormat {
    StreamFormat::lc3(16_000, 20).unwrap()
}

pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub async fn connect(url: &str, token: &str, session: u128) -> Self {
        let mut request = format!("{}/v1/link", url.replacen("http", "ws", 1)).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "glasslink.v1".parse().unwrap());
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut client = Self { socket };
        let hello = json!({
            "type": "hello", "session": format!("{session:032x}"), "holder": 1, "attach": 1, "take": true,
            "events_after": EventNumber(0), "ping_ms": 5_000, "client": "glasslink-desktop/1.0", "trace": "a-phone",
        });
        client.socket.send(Message::text(hello.to_string())).await.unwrap();
        client
    }

    pub fn stream(id: u32) -> StreamStart {
        StreamStart {
            stream: StreamId(id),
            format: lc3(),
            from: FrameIndex(0),
            transcribed: FrameIndex(0),
            continues: None,
            label: "Built-in microphone".into(),
        }
    }

    pub async fn say(&mut self, message: &ClientMessage) {
        self.socket.send(Message::text(message.encode())).await.unwrap();
    }

    pub async fn audio(&mut self, id: u32, first: u64, count: u16) {
        for (first, count) in (first..first + u64::from(count)).step_by(50).map(|first| (first, 50)) {
            let (body, mut bytes) = (vec![0; usize::from(count) * 20_usize], Vec::new());
            AudioMessage { stream: StreamId(id), first: FrameIndex(first), count, body: &body }
                .encode(&mut bytes);
            self.socket.send(Message::binary(bytes)).await.unwrap();
        }
    }

    pub async fn until_closed(&mut self) {
        let closed = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(PATIENCE, closed).await.expect("the relay closes");
    }
}

//! Apps that are built on the SDK of Mentra.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use glasslink_relay::{Keys, Permission};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Node, free_port, packages};

/// A process that starts, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Which SDK, by the folder of its packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// 2.1.29
    Two,
    /// 3.0.0-alpha.4
    Three,
}

/// An app that the relay knows, whether it runs or not.
pub struct App {
    folder: PathBuf,
    package: String,
    key: String,
    port: u16,
    audio: TempDir,
    node: Option<Node>,
}

impl Generation {
    pub const ALL: [Self; 2] = [Self::Two, Self::Three];

    fn folder(self) -> &'static str {
        match self {
            Self::Two => "mentra-2",
            Self::Three => "mentra-3",
        }
    }
}

/// Sends a request, and does not wait for what the app's own handler makes of it.
fn post(port: u16, path: &str, body: &str) {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("the app listens");
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
    write!(socket, "{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}").expect("it is taken");
    let _ = socket.read(&mut [0; 64]);
}

impl App {
    /// An app that the relay with this data folder may call. `None`, with a word, without npm.
    pub fn register(generation: Generation, data: &Path, name: &str) -> Option<Self> {
        let folder = packages(generation.folder())?;
        let (package, port) = (format!("com.example.{name}"), free_port());
        let keys = Keys::open(data).expect("a relay runs with this folder");
        let new = keys.add_app(name, true).expect("no other app has this name");
        keys.set_webhook(
            &new.app.id,
            &package,
            &format!("http://127.0.0.1:{port}"),
            &[Permission::Microphone],
        )
        .expect("it is well named");
        let audio = TempDir::new().expect("there is room");
        Some(Self { folder, package, key: new.key, port, audio, node: None })
    }

    /// Starts its process, and waits until it listens.
    pub fn start(&mut self) {
        let (port, audio) = (self.port.to_string(), self.audio());
        let environment = [
            ("PACKAGE", self.package.as_str()),
            ("KEY", &self.key),
            ("PORT", &port),
            ("AUDIO", audio.to_str().expect("a plain name")),
        ];
        let node = Node::start(&self.folder, "app.mjs", environment);
        node.wait(0, PATIENCE, |line| line["on"] == "listening");
        self.node = Some(node);
    }

    /// Kills its process (`kill -9`).
    pub fn kill(&mut self) {
        self.node = None;
    }

    /// Waits until it says `on`; what it said, and how far that is.
    #[track_caller]
    pub fn says(&self, from: usize, on: &str) -> (usize, Value) {
        self.node().wait(from, PATIENCE, |line| line["on"] == on)
    }

    pub fn node(&self) -> &Node {
        self.node.as_ref().expect("it was started")
    }

    /// What it said of this kind so far.
    pub fn all(&self, on: &str) -> Vec<Value> {
        self.node().lines(0).into_iter().filter(|line| line["on"] == on).collect()
    }

    /// What the app calls itself.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Calls the app as a relay, or a cloud, does.
    pub fn call(&self, body: &Value) {
        post(self.port, "/webhook", &body.to_string());
    }

    /// The samples it heard, as they came.
    pub fn heard(&self) -> Vec<u8> {
        std::fs::read(self.audio()).unwrap_or_default()
    }

    fn audio(&self) -> PathBuf {
        self.audio.path().join("heard.pcm")
    }
}

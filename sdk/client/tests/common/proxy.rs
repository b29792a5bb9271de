//! Something between client and relay that does not care for WebSocket.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What becomes of an upgrade. Other requests pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrades {
    Pass,
    /// The headers that ask for it are taken away.
    Stripped,
    /// Answered by the proxy itself.
    Forbidden,
    Hung,
    Reset,
    /// Passed with the relay's 101, and then nothing comes through.
    DeadAfter101,
}

#[derive(Clone)]
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    upgrades: Upgrades,
    asked: usize,
    connections: Vec<AbortHandle>,
}

impl Proxy {
    pub async fn start(relay: SocketAddr, upgrades: Upgrades) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { upgrades, asked: 0, connections: Vec::new() };
        let proxy = Self { address: listener.local_addr().unwrap(), state: Arc::new(Mutex::new(state)) };
        let serving = proxy.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let connection = tokio::spawn(forward(client, relay, serving.clone()));
                serving.state.lock().unwrap().connections.push(connection.abort_handle());
            }
        });
        proxy
    }

    pub fn set(&self, upgrades: Upgrades) {
        self.state.lock().unwrap().upgrades = upgrades;
    }

    /// How many upgrades were asked for.
    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// Cuts every connection there is; new ones pass.
    pub fn cut(&self) {
        for connection in self.state.lock().unwrap().connections.drain(..) {
            connection.abort();
        }
    }

    fn upgrade(&self) -> Upgrades {
        let mut state = self.state.lock().unwrap();
        state.asked += 1;
        state.upgrades
    }
}

async fn forward(mut client: TcpStream, relay: SocketAddr, proxy: Proxy) {
    let Some(head) = head(&mut client).await else { return };
    let mut relay = TcpStream::connect(relay).await.unwrap();
    let text = String::from_utf8_lossy(&head).into_owned();
    let upgrades = if text.to_ascii_lowercase().contains("upgrade: websocket") {
        proxy.upgrade()
    } else {
        Upgrades::Pass
    };
    match upgrades {
        Upgrades::Pass => relay.write_all(&head).await.unwrap(),
        Upgrades::Stripped => {
            let kept = text.split("\r\n").filter(|line| {
                let line = line.to_ascii_lowercase();
                !line.starts_with("upgrade:") && !line.starts_with("connection:")
            });
            relay.write_all(kept.collect::<Vec<_>>().join("\r\n").as_bytes()).await.unwrap();
        }
        Upgrades::Forbidden => {
            let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\nblocked";
            let _ = client.write_all(refusal).await;
            return;
        }
        Upgrades::Hung => return std::future::pending().await,
        Upgrades::Reset => return,
        Upgrades::DeadAfter101 => {
            relay.write_all(&head).await.unwrap();
            let answer = self::head(&mut relay).await.unwrap();
            client.write_all(&answer).await.unwrap();
            return;
        }
    }
    let _ = copy_bidirectional(&mut client, &mut relay).await;
}

/// What comes up to and with the empty line.
async fn head(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(from.read_u8().await.ok()?);
    }
    Some(head)
}

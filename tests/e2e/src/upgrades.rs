use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// A proxy that takes the upgrade out of requests, as many in companies do, until it is told to let it through.
#[derive(Clone)]
pub struct StripsUpgrades {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    lets_through: AtomicBool,
    stripped: AtomicUsize,
    passed: AtomicUsize,
    others: AtomicUsize,
}

impl StripsUpgrades {
    /// In front of `relay`, `http://127.0.0.1:PORT`.
    pub fn before(relay: &str) -> Self {
        let (_, relay) = relay.split_once("://").expect("an address has a scheme");
        let relay: SocketAddr = relay.parse().expect("a relay of ours has a numeric address");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let proxy = Self { address, state: Arc::default() };
        let state = Arc::clone(&proxy.state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                // Whichever side hangs up ends it.
                thread::spawn(move || state.serve(client, relay));
            }
        });
        proxy
    }

    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn let_through(&self) {
        self.state.lets_through.store(true, Ordering::Relaxed);
    }

    /// Upgrades that were stripped, that passed, and connections for other requests.
    pub fn counts(&self) -> (usize, usize, usize) {
        let State { stripped, passed, others, .. } = &*self.state;
        (stripped.load(Ordering::Relaxed), passed.load(Ordering::Relaxed), others.load(Ordering::Relaxed))
    }
}

impl State {
    fn serve(&self, mut client: TcpStream, relay: SocketAddr) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte)?;
            head.extend(byte);
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        let counter = if !text.to_ascii_lowercase().contains("\r\nupgrade: websocket") {
            &self.others
        } else if self.lets_through.load(Ordering::Relaxed) {
            &self.passed
        } else {
            let hop = |line: &&str| {
                let line = line.to_ascii_lowercase();
                !line.starts_with("upgrade:") && !line.starts_with("connection:")
            };
            head = text.split("\r\n").filter(hop).collect::<Vec<_>>().join("\r\n").into_bytes();
            &self.stripped
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let mut relay = TcpStream::connect(relay)?;
        relay.set_nodelay(true)?;
        client.set_nodelay(true)?;
        relay.write_all(&head)?;
        let (mut from_relay, mut to_client) = (relay.try_clone()?, client.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut from_relay, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let _ = io::copy(&mut client, &mut relay);
        relay.shutdown(Shutdown::Both)
    }
}

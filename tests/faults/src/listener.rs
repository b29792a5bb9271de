use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::TcpListener;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4_096;

/// The proxy's port, which stays its own while nobody listens on it.
pub(crate) struct Port {
    address: SocketAddr,
    door: Door,
}

enum Door {
    Open(TcpListener),
    /// Bound and not listening: the system refuses.
    Closed(Socket),
    /// Listening with a full queue that nobody empties: the system drops what comes.
    #[cfg(target_os = "linux")]
    Full {
        _listener: Socket,
        _filling: Socket,
    },
    Moving,
}

/// What a client sees of the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Open,
    Refusing,
    Silent,
}

impl Port {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let listener = listening(bound(address)?)?;
        Ok(Self { address: listener.local_addr()?, door: Door::Open(listener) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn turn(&mut self, wanted: Wanted) -> io::Result<()> {
        let free = match std::mem::replace(&mut self.door, Door::Moving) {
            Door::Closed(socket) => socket,
            other => {
                // A port has one listener, so the old one goes first.
                drop(other);
                bound(self.address)?
            }
        };
        self.door = match wanted {
            Wanted::Open => Door::Open(listening(free)?),
            Wanted::Refusing => Door::Closed(free),
            Wanted::Silent => silent(free, self.address)?,
        };
        Ok(())
    }

    /// The next connection; never while the port is closed.
    pub(crate) async fn accept(&self) -> io::Result<tokio::net::TcpStream> {
        match &self.door {
            Door::Open(listener) => Ok(listener.accept().await?.0),
            _ => std::future::pending().await,
        }
    }
}

fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    Ok(socket)
}

fn listening(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    TcpListener::from_std(StdListener::from(socket))
}

#[cfg(target_os = "linux")]
fn silent(socket: Socket, address: SocketAddr) -> io::Result<Door> {
    // A queue of 0 takes one.
    socket.listen(0)?;
    let filling = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    let mut to = address;
    if to.ip().is_unspecified() {
        let own: std::net::IpAddr = match to {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        to.set_ip(own);
    }
    filling.connect(&SockAddr::from(to))?;
    Ok(Door::Full { _listener: socket, _filling: filling })
}

#[cfg(not(target_os = "linux"))]
fn silent(socket: Socket, _: SocketAddr) -> io::Result<Door> {
    Ok(Door::Closed(socket))
}

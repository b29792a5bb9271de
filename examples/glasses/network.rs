use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// A network in front of a relay that can be cut.
pub(crate) struct Network {
    pub(crate) address: SocketAddr,
    up: watch::Sender<bool>,
}

impl Network {
    pub(crate) async fn before(relay: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (up, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((inner, _)) = listener.accept().await {
                let mut state = state.clone();
                tokio::spawn(async move {
                    // While the network is down a connection is closed as it comes.
                    if !*state.borrow() {
                        return;
                    }
                    let Ok(outer) = TcpStream::connect(relay).await else { return };
                    tokio::select! {
                        () = carry(inner, outer) => {}
                        _ = state.wait_for(|up| !up) => {}
                    }
                });
            }
        });
        Ok(Self { address, up })
    }

    /// Breaks every connection, and lets none through for `time`.
    pub(crate) async fn cut(&self, time: Duration) {
        self.up.send_replace(false);
        sleep(time).await;
        self.up.send_replace(true);
    }
}

async fn carry(mut inner: TcpStream, mut outer: TcpStream) {
    let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
}

//! Somebody between a client and a relay, with a certificate of their own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::anyone::anyone;

/// Takes TLS off, reads, rewrites the bodies of requests, and passes on.
pub struct Middle {
    pub address: SocketAddr,
    read: Arc<Mutex<String>>,
}

impl Middle {
    pub async fn before(
        relay: SocketAddr,
        rewrite: impl Fn(String) -> String + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let read = Arc::<Mutex<String>>::default();
        let (acceptor, all, rewrite) = (acceptor(), Arc::clone(&read), Arc::new(rewrite));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, all, rewrite) = (acceptor.clone(), Arc::clone(&all), Arc::clone(&rewrite));
                tokio::spawn(async move {
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let Some((head, body)) = request(&mut client).await else { return };
                    all.lock().unwrap().extend([head.as_str(), &body, "\n"]);
                    let body = rewrite(body);
                    let kept =
                        |line: &&str| !line.is_empty() && !line.to_lowercase().starts_with("content-length");
                    let head = head.lines().filter(kept).collect::<Vec<_>>().join("\r\n");
                    let tcp = TcpStream::connect(relay).await.unwrap();
                    let name = ServerName::try_from("localhost").unwrap();
                    let mut relay = anyone().connect(name, tcp).await.unwrap();
                    let request = format!(
                        "{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    relay.write_all(request.as_bytes()).await.unwrap();
                    let mut answer = Vec::new();
                    let _ = relay.read_to_end(&mut answer).await;
                    all.lock().unwrap().push_str(&String::from_utf8_lossy(&answer));
                    let _ = client.write_all(&answer).await;
                    let _ = client.shutdown().await;
                });
            }
        });
        Self { address, read }
    }

    /// All that was shown to it.
    pub fn read(&self) -> String {
        self.read.lock().unwrap().clone()
    }
}

/// One request, its head and its body.
async fn request(from: &mut (impl AsyncReadExt + Unpin)) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some((format!("{head}\r\n"), body.to_owned()));
            }
        }
        if from.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn acceptor() -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

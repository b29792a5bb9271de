use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use futures_util::{SinkExt, StreamExt};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

/// As the relay's.
const READ_BUFFER: usize = 4 << 10;

/// Says where it listens, and echoes until it is killed. One thread, as the relay's.
pub(crate) fn run(certificate: &Path, key: &Path) -> Result<()> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_no_client_auth().with_single_cert(chain, key)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(TlsAcceptor::from(Arc::new(config))))
}

async fn serve(tls: TlsAcceptor) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on https://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        let tls = tls.clone();
        tokio::spawn(async move {
            if let Ok(socket) = accept(stream, &tls).await {
                tokio::spawn(echo(socket));
            }
        });
    }
}

async fn accept(stream: TcpStream, tls: &TlsAcceptor) -> Result<WebSocketStream<TlsStream<TcpStream>>> {
    stream.set_nodelay(true)?;
    let stream = tls.accept(stream).await?;
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    Ok(accept_async_with_config(stream, Some(config)).await?)
}

async fn echo(mut socket: WebSocketStream<TlsStream<TcpStream>>) {
    while let Some(Ok(message)) = socket.next().await {
        if !message.is_binary() || socket.send(message).await.is_err() {
            return;
        }
    }
}

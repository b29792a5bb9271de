use std::io;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::time::sleep;
use tokio_rustls::{TlsAcceptor, TlsStream};

use crate::backend::Backend;
use crate::head::{Beginning, Head, beginning, without_upgrade};
use crate::hub::{Hub, Life};
use crate::log::{By, What};
use crate::pump::{End, Pump};
use crate::rule::{Direction, Fault, How};
use crate::tls;
use crate::watch;
use crate::wire::{Side, Wire};

/// What is no TLS, at length: a client that waits for more would wait for ever.
const GARBAGE: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nthis is no TLS, and never was\r\n";

/// What every connection needs.
pub(crate) struct Ways {
    pub(crate) hub: Arc<Hub>,
    pub(crate) backend: Backend,
    /// The proxy's own certificate, if it looks inside.
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) wrong_tls: TlsAcceptor,
}

/// How a connection ended.
type Ended = (By, How);

/// Serves a connection to its end.
pub(crate) async fn serve(ways: Arc<Ways>, client: Wire) {
    let life = ways.hub.accepted();
    let mut upstream = None;
    let (by, how) = tokio::select! {
        biased;
        end = watch::ends(&ways.hub, &life) => end,
        end = pass(&ways, &life, client.clone(), &mut upstream) => end,
    };
    ways.hub.closed(&life, by, how);
    let farewell = async {
        if let Some(upstream) = upstream {
            upstream.end(how).await;
        }
    };
    tokio::join!(client.end(how), farewell);
}

async fn pass(ways: &Ways, life: &Arc<Life>, client: Wire, socket: &mut Option<Wire>) -> Ended {
    match begin(ways, life, client).await {
        Err(ended) => ended,
        Ok((mut client, begun)) => match ways.backend.connect().await {
            Ok((mut upstream, wire)) => {
                *socket = Some(wire);
                ways.hub.log.tell(What::Connected { connection: life.id });
                both_ways(ways, life, begun, &mut client, &mut upstream).await
            }
            Err(error) => {
                let error = error.to_string();
                ways.hub.log.tell(What::UpstreamFailed { connection: life.id, error });
                (By::Upstream, How::Reset)
            }
        },
    }
}

/// What comes before anything reaches upstream: the handshakes and the first request.
async fn begin(ways: &Ways, life: &Life, client: Wire) -> Result<(Side, Vec<u8>), Ended> {
    let gone = |error: io::Error| (By::Client, how(&error));
    watch::no_hole(&ways.hub, life).await;
    sleep(ways.hub.look(life, None).latency * 2).await;
    let mut client = encrypted(ways, life, client).await?;
    let begun = beginning(&mut client).await.map_err(gone)?;
    watch::no_hole(&ways.hub, life).await;
    match begun {
        Beginning::Other(bytes) => Ok((client, bytes)),
        Beginning::Request(head, bytes) => match ways.hub.requested(life, head.clone()) {
            Some(Fault::StripUpgrade) => Ok((client, without_upgrade(&bytes))),
            Some(fault @ Fault::Answer { status, retry_after_s }) => {
                let answer = answer(&head, status, retry_after_s);
                client.write_all(answer.as_bytes()).await.map_err(gone)?;
                client.shutdown().await.map_err(gone)?;
                Err((ways.hub.by(life, fault), How::Close))
            }
            _ => Ok((client, bytes)),
        },
    }
}

async fn encrypted(ways: &Ways, life: &Life, client: Wire) -> Result<Side, Ended> {
    let gone = |error: io::Error| (By::Client, how(&error));
    if !tls::begins(&client).await.map_err(gone)? {
        return Ok(Side::Plain(client));
    }
    match ways.hub.tls_begins(life) {
        Some(fault @ Fault::TlsGarbage) => {
            let mut client = client;
            client.write_all(GARBAGE).await.map_err(gone)?;
            Err((ways.hub.by(life, fault), How::Close))
        }
        Some(fault) => {
            // Whoever takes this certificate is sent away as well; the log has how it went.
            let _ = ways.wrong_tls.accept(client).await;
            Err((ways.hub.by(life, fault), How::Close))
        }
        None => match &ways.tls {
            None => Ok(Side::Plain(client)),
            Some(acceptor) => {
                let stream = acceptor.accept(client).await.map_err(gone)?;
                Ok(Side::Tls(Box::new(TlsStream::Server(stream))))
            }
        },
    }
}

async fn both_ways(
    ways: &Ways,
    life: &Arc<Life>,
    begun: Vec<u8>,
    client: &mut Side,
    upstream: &mut Side,
) -> Ended {
    let pump = |direction| Pump { hub: Arc::clone(&ways.hub), life: Arc::clone(life), direction };
    let (from_client, to_client) = tokio::io::split(client);
    let (from_upstream, to_upstream) = tokio::io::split(upstream);
    let mut up = std::pin::pin!(pump(Direction::Up).run(begun, from_client, to_upstream));
    let mut down = std::pin::pin!(pump(Direction::Down).run(Vec::new(), from_upstream, to_client));
    let (mut up_over, mut down_over) = (false, false);
    let mut first = None;
    while !(up_over && down_over) {
        let (end, sender, receiver) = tokio::select! {
            end = &mut up, if !up_over => { up_over = true; (end, By::Client, By::Upstream) }
            end = &mut down, if !down_over => { down_over = true; (end, By::Upstream, By::Client) }
        };
        match end {
            End::Sender(How::Close) => first = first.or(Some((sender, How::Close))),
            End::Sender(How::Reset) => return (sender, How::Reset),
            End::Receiver => return (receiver, How::Reset),
            End::Ruled(by, how) => return (by, how),
        }
    }
    first.unwrap_or((By::Client, How::Close))
}

fn answer(head: &Head, status: u16, retry_after_s: Option<u32>) -> String {
    let retry = retry_after_s.map(|seconds| format!("Retry-After: {seconds}\r\n")).unwrap_or_default();
    // RFC 9110 wants these headers with these answers.
    let with_it = match status {
        401 => "WWW-Authenticate: Bearer\r\n",
        407 => "Proxy-Authenticate: Basic realm=\"faults\"\r\n",
        426 => "Upgrade: websocket\r\n",
        _ => "",
    };
    let body = if head.method == "HEAD" { "" } else { "as a rule says\n" };
    format!(
        "HTTP/1.1 {status} Faults\r\n{retry}{with_it}Content-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

fn how(error: &io::Error) -> How {
    if error.kind() == io::ErrorKind::UnexpectedEof { How::Close } else { How::Reset }
}

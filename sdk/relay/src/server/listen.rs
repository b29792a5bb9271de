use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::api::Lease;
use crate::identity::{AuditEvent, AuditNote};
use crate::limits;
use crate::server::Transport;
use crate::shared::Shared;

/// What to listen on.
pub(crate) struct Listener {
    pub(crate) tcp: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) router: Router,
    /// One for each connection.
    pub(crate) room: Arc<Semaphore>,
}

/// A connection's place among all the relay has; free again when it is dropped.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// Accepts connections until the relay stops. Nothing a connection does holds the next one up.
pub(crate) async fn accept(listener: Listener, shared: Arc<Shared>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.tcp.accept() => accepted,
            () = shared.stopping.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: a busy loop would not bring any back.
                warn!(%error, "cannot accept a connection");
                sleep(limits::ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&listener.room).try_acquire_owned() else {
            debug!(%peer, "too many connections");
            continue;
        };
        let (tls, router, of_task) = (listener.tls.clone(), listener.router.clone(), Arc::clone(&shared));
        shared.connections.spawn(async move {
            let Some(transport) = handshake(stream, peer, tls, &of_task).await else { return };
            // A task of its own, and a small one: the handshake's memory is free by now.
            let serving = serve(transport, peer, router, Arc::new(place), Arc::clone(&of_task));
            of_task.connections.spawn(serving);
        });
    }
}

async fn handshake(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    shared: &Shared,
) -> Option<Transport> {
    // A caption is a small message that somebody waits for.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return Some(Transport::Plain(stream)) };
    match timeout(limits::HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(Transport::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            debug!(%peer, %error, "TLS handshake failed");
            None
        }
        Err(_) => {
            debug!(%peer, "TLS handshake took too long");
            note(shared, peer, AuditEvent::SlowPeer, "TLS handshake");
            None
        }
    }
}

async fn serve(transport: Transport, peer: SocketAddr, router: Router, place: Place, shared: Arc<Shared>) {
    let (asked, mut last) = watch::channel(Instant::now());
    let lease = Lease::new(asked.clone());
    let of_service = Arc::clone(&shared);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        asked.send_replace(Instant::now());
        let client = of_service.proxies.client(peer, request.headers());
        request.extensions_mut().insert(client);
        request.extensions_mut().insert(lease.clone());
        request.extensions_mut().insert(Arc::clone(&place));
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADERS)
        .max_headers(limits::HEADER_COUNT)
        .max_buf_size(limits::HEADER_BYTES)
        .serve_connection(TokioIo::new(transport), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut until = sleep_until(*last.borrow_and_update() + limits::REQUEST);
    let mut leaving = false;
    let mut farewell = pin!(async {
        shared.stopping.cancelled().await;
        // Whoever polls is told first that its session's connection ends.
        let _ = timeout(limits::CLOSING, shared.exchanges.over()).await;
    });
    loop {
        tokio::select! {
            served = &mut connection => {
                if let Err(error) = served {
                    debug!(%peer, %error, "request failed");
                    if error.is_parse_too_large() {
                        note(&shared, peer, AuditEvent::TooLarge, "headers");
                    } else if error.is_parse() {
                        note(&shared, peer, AuditEvent::Malformed, "headers");
                    } else if error.is_timeout() {
                        note(&shared, peer, AuditEvent::SlowPeer, "headers");
                    }
                }
                return;
            }
            () = until => {
                let due = *last.borrow_and_update() + limits::REQUEST;
                if leaving || due <= Instant::now() {
                    debug!(%peer, "request took too long");
                    note(&shared, peer, AuditEvent::SlowPeer, "request");
                    return;
                }
                until = sleep_until(due);
            }
            () = &mut farewell, if !leaving => {
                connection.as_mut().graceful_shutdown();
                leaving = true;
                until = sleep_until(Instant::now() + limits::CLOSING);
            }
        }
    }
}

fn note(shared: &Shared, peer: SocketAddr, event: AuditEvent, what: &str) {
    shared.credentials.audit().note(AuditNote::new(event).from(peer.ip()).saying(what));
}

use std::sync::Arc;

use glasslink_protocol::{Cause, ClientMessage, CloseCode};
use glasslink_session::Hello;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tracing::debug;

use crate::doors::link::Trace;
use crate::doors::link::connection::{Connection, Incoming, close};
use crate::doors::link::websocket::WebSocket;
use crate::identity::{AuditEvent, AuditNote, Grant, Share};
use crate::limits;
use crate::server::{Place, Transport};
use crate::shared::Shared;

/// Waits for `hello`, and hands the connection to its session.
pub(crate) async fn greet(shared: Arc<Shared>, grant: Grant, upgraded: OnUpgrade, place: (Place, Share)) {
    let Ok(upgraded) = upgraded.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Transport>>() else { return };
    let socket = WebSocket::new(parts.io.into_inner(), &parts.read_buf, shared.message_bytes, place).await;
    let mut connection = Connection::WebSocket(Box::new(socket));
    let hello = tokio::select! {
        hello = timeout(limits::HELLO, read_hello(&mut connection)) => hello,
        () = shared.draining.cancelled() => {
            return close(connection, CloseCode::Restarting, None).await;
        }
    };
    match hello {
        Ok(Ok((hello, trace))) => {
            if let Err(refused) = shared.registry.attach(&shared, grant, hello, &trace, connection) {
                refused.tell().await;
            }
        }
        Ok(Err(Some(reason))) => {
            debug!(reason, "no hello");
            let note = AuditNote::new(AuditEvent::Malformed).by(grant.identity).saying("hello");
            shared.credentials.audit().note(note);
            let report = glasslink_protocol::ErrorReport { message: reason, ..Cause::ProtocolError.report() };
            close(connection, CloseCode::ProtocolError, Some(report)).await;
        }
        Ok(Err(None)) => {}
        Err(_) => {
            let note = AuditNote::new(AuditEvent::SlowPeer).by(grant.identity).saying("hello");
            shared.credentials.audit().note(note);
            close(connection, CloseCode::Timeout, None).await;
        }
    }
}

/// What went wrong, for a person; `None` when the connection is gone.
async fn read_hello(connection: &mut Connection) -> Result<(Hello, Trace), Option<String>> {
    loop {
        match connection.next().await {
            Incoming::Text(text) => {
                return first_message(&text).map_err(Some);
            }
            Incoming::Audio(_) => return Err(Some(HELLO_FIRST.into())),
            Incoming::Traffic => {}
            Incoming::TooLarge => return Err(Some("a message is too large".into())),
            Incoming::Closed | Incoming::Gone => return Err(None),
        }
    }
}

pub(super) const HELLO_FIRST: &str = "the first message of a connection is hello";

/// What is wrong with it is said for a person.
pub(super) fn first_message(text: &str) -> Result<(Hello, Trace), String> {
    let message = ClientMessage::decode(text).map_err(|error| error.to_string())?;
    let hello = Hello::try_from(message).map_err(|_| HELLO_FIRST)?;
    Ok((hello, Trace::of(text)))
}

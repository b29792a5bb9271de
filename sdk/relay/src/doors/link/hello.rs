use std::sync::Arc;

use glasslink_protocol::{Cause, ClientMessage, CloseCode};
use glasslink_session::Hello;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tracing::debug;

use crate::auth::Identity;
use crate::doors::link::connection::{Connection, Incoming, close};
use crate::limits;
use crate::server::{Place, Transport};
use crate::shared::Shared;

/// Waits for `hello`, and hands the connection to its session.
pub(crate) async fn greet(shared: Arc<Shared>, identity: Identity, upgraded: OnUpgrade, place: Place) {
    let Ok(upgraded) = upgraded.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Transport>>() else { return };
    let mut connection = Connection::new(parts.io.into_inner(), &parts.read_buf, place).await;
    let hello = tokio::select! {
        hello = timeout(limits::HELLO, read_hello(&mut connection)) => hello,
        () = shared.draining.cancelled() => {
            return close(connection, CloseCode::Restarting, None).await;
        }
    };
    match hello {
        Ok(Ok(hello)) => {
            if let Err(refused) = shared.registry.attach(&shared, identity, hello, connection) {
                refused.tell().await;
            }
        }
        Ok(Err(Some(reason))) => {
            debug!(reason, "no hello");
            let report = glasslink_protocol::ErrorReport { message: reason, ..Cause::ProtocolError.report() };
            close(connection, CloseCode::ProtocolError, Some(report)).await;
        }
        Ok(Err(None)) => {}
        Err(_) => close(connection, CloseCode::Timeout, None).await,
    }
}

/// What went wrong, for a person; `None` when the connection is gone.
async fn read_hello(connection: &mut Connection) -> Result<Hello, Option<String>> {
    loop {
        match connection.next().await {
            Incoming::Text(text) => {
                let message =
                    ClientMessage::decode(text.as_str()).map_err(|error| Some(error.to_string()))?;
                return Hello::try_from(message)
                    .map_err(|_| Some("the first message of a connection is hello".into()));
            }
            Incoming::Audio(_) => return Err(Some("the first message of a connection is hello".into())),
            Incoming::Traffic => {}
            Incoming::TooLarge => return Err(Some("a message is too large".into())),
            Incoming::Closed | Incoming::Gone => return Err(None),
        }
    }
}

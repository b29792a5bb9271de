use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use glasslink_protocol::Cause;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::connection;
use crate::doors::link::values;
use crate::server::{Place, Refusal, Transport};
use crate::shared::Shared;

/// What SDK 3 says in headers. SDK 2 has none of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers {
    pub(super) session: Option<String>,
    pub(super) package: Option<String>,
    pub(super) key: Option<String>,
}

impl Headers {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self { session: text("x-session-id"), package: text("x-package-name"), key: text("x-api-key") }
    }
}

/// Answers `GET /app-ws`. Who it is, the first message says.
pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(place): Extension<Place>,
    mut request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers();
    let accept =
        accept(headers).ok_or(Refusal::because(Cause::ProtocolError, "this address is a WebSocket's"))?;
    if shared.stopping.is_cancelled() || shared.draining.is_cancelled() {
        return Err(Refusal::new(Cause::Restarting));
    }
    if shared.registry.is_crowded() {
        return Err(Refusal::new(Cause::Overloaded));
    }
    let said = Headers::of(headers);
    let upgraded = hyper::upgrade::on(&mut request);
    let of_task = Arc::clone(&shared);
    shared.connections.spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<Transport>>() else { return };
        connection::serve(of_task, said, parts.io.into_inner(), &parts.read_buf, place).await;
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty())
        .map_err(|_| Refusal::new(Cause::ProtocolError))
}

/// The answer to the key of a WebSocket upgrade without a subprotocol.
fn accept(headers: &HeaderMap) -> Option<String> {
    let lists = |name: &HeaderName, wanted: &str| {
        values(headers, name).any(|value| value.eq_ignore_ascii_case(wanted))
    };
    let is_one =
        lists(&CONNECTION, "upgrade") && lists(&UPGRADE, "websocket") && lists(&SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY)?;
    is_one.then(|| derive_accept_key(key.as_bytes()))
}

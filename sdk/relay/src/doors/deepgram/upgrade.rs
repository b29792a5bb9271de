use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use axum::response::Response;
use glasslink_protocol::{Cause, EngineState, SessionId};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::audio::Audio;
use super::connection::Listener;
use super::key::of_subprotocols;
use super::limits;
use super::query::Query;
use super::refusal::Refusal;
use super::response::RequestId;
use crate::doors::app::authorization;
use crate::doors::fed::{Feed, Stranger};
use crate::doors::link::{Trace, WebSocket, handshake, switch_to};
use crate::identity::{AuditEvent, AuditNote, Of, Share};
use crate::server::{Place, Transport};
use crate::shared::Shared;

/// Answers `GET /v1/listen`: who it is, what is wanted, and whether there is room. The session begins with the answer.
pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(place): Extension<Place>,
    request: Request,
) -> Response {
    let mut id = [0; 16];
    // A refusal's number is for whoever asks about it.
    let _ = getrandom::fill(&mut id);
    let refused = RequestId(SessionId(u128::from_be_bytes(id)));
    accept(&shared, place, request).unwrap_or_else(|refusal| refusal.into_response(refused))
}

fn accept(shared: &Arc<Shared>, place: Place, mut request: Request) -> Result<Response, Refusal> {
    let headers = request.headers();
    let grant = shared.credentials.identify(authorization(headers).as_deref());
    let grant = grant.ok_or(Cause::Unauthorized)?;
    let accept = handshake(headers).map_err(|_| Cause::ProtocolError)?;
    let query = Query::parse(request.uri())?;
    let audio = Audio::new(&query);
    if shared.stopping.is_cancelled() || shared.draining.is_cancelled() {
        return Err(Cause::Restarting.into());
    }
    if shared.registry.is_crowded() {
        return Err(Cause::Overloaded.into());
    }
    let engine = shared.speech.best(query.remote_speech, &[]);
    if let EngineState::Disabled | EngineState::NotInstalled = engine.state {
        let remedy = if engine.remedy.is_empty() { String::new() } else { format!(": {}", engine.remedy) };
        return Err(Refusal::no_engine(format!("{}{remedy}", engine.message)));
    }
    let Some(share) = shared.quotas.take(Of::Connection, &grant.identity) else {
        let note = AuditNote::new(AuditEvent::LimitReached).by(grant.identity).saying("connections");
        shared.credentials.audit().note(note);
        return Err(Cause::RateLimited.into());
    };
    let named = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let client = named(USER_AGENT.as_str()).unwrap_or("a client of Deepgram's protocol").to_owned();
    let trace = Trace::called(named("x-deepgram-session-id"));
    let subprotocol = of_subprotocols(headers).map(|(scheme, _)| scheme);
    let stranger = Stranger { grant, client, trace, remote_speech: query.remote_speech };
    let feed = Feed::begin(shared, stranger)?;
    let id = RequestId(feed.session());
    let mut response = switch_to(accept, subprotocol).map_err(|_| Cause::ProtocolError)?;
    let shown = HeaderValue::from_str(&id.to_string()).map_err(|_| Cause::ProtocolError)?;
    response.headers_mut().insert("dg-request-id", shown);
    let upgraded = hyper::upgrade::on(&mut request);
    let listener = Listener::new(id, feed, audio, &query);
    shared.connections.spawn(serve(listener, upgraded, (place, share)));
    Ok(response)
}

async fn serve(listener: Listener, upgraded: OnUpgrade, place: (Place, Share)) {
    let Ok(upgraded) = upgraded.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Transport>>() else { return };
    let transport = parts.io.into_inner();
    let socket = WebSocket::new(transport, &parts.read_buf, limits::MESSAGE_BYTES, place).await;
    listener.serve(socket).await;
}

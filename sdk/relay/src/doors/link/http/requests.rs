use std::str::FromStr;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use glasslink_protocol::{
    Cause, HTTP_CONNECTION, HTTP_MEDIA_TYPE, HTTP_NUMBER, HTTP_SESSION, HttpConnectionId, HttpPart,
    HttpPartError, MAX_HTTP_BODY_BYTES,
};

use super::exchange::{Batch, Trouble};
use super::exchanges::Opened;
use crate::doors::link::hello::{HELLO_FIRST, first_message};
use crate::doors::link::{Connection, Incoming};
use crate::identity::Grant;
use crate::server::Refusal;
use crate::shared::Shared;

/// Whose request it is, and its place on its connection.
struct Place {
    grant: Grant,
    id: HttpConnectionId,
    number: u64,
}

/// Answers `POST /v1/link/up`: takes messages. The first of a connection begins with `hello`.
pub(crate) async fn up(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let place = place(&shared, request.headers())?;
    let body = body(request).await?;
    let batch = batch(&body, shared.message_bytes)?;
    match shared.exchanges.find(place.id, &place.grant.identity) {
        Some(exchange) => exchange.take(place.number, batch).await.map_err(refusal)?,
        None if place.number == 1 => open(&shared, &place, batch)?,
        None => return Err(refusal(Trouble::Gone)),
    }
    Ok(answer(&place, StatusCode::NO_CONTENT, Bytes::new()))
}

/// Answers `POST /v1/link/down`: with what there is for the client, as soon as there is something.
pub(crate) async fn down(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let place = place(&shared, request.headers())?;
    let exchange = shared.exchanges.find(place.id, &place.grant.identity).ok_or(refusal(Trouble::Gone))?;
    let body = exchange.answer(place.number).await.map_err(refusal)?;
    Ok(answer(&place, StatusCode::OK, body))
}

/// Answers `POST /v1/link/renew`: a connection, over WebSocket or HTTP, lives as long as these credentials.
pub(crate) async fn renew(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let grant = grant(&shared, &headers)?;
    shared.registry.renew(header(&headers, HTTP_SESSION)?, &grant).map_err(Refusal::new)?;
    Ok(StatusCode::NO_CONTENT)
}

fn place(shared: &Shared, headers: &HeaderMap) -> Result<Place, Refusal> {
    let grant = grant(shared, headers)?;
    let media_type = headers.get(CONTENT_TYPE).map(axum::http::HeaderValue::as_bytes);
    if media_type != Some(HTTP_MEDIA_TYPE.as_bytes()) {
        let message = format!("only {HTTP_MEDIA_TYPE} is spoken here");
        return Err(Refusal::because(Cause::UnsupportedVersion, message));
    }
    Ok(Place { grant, id: header(headers, HTTP_CONNECTION)?, number: header(headers, HTTP_NUMBER)? })
}

fn grant(shared: &Shared, headers: &HeaderMap) -> Result<Grant, Refusal> {
    let authorization = headers.get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
    shared.credentials.identify(authorization).ok_or(Refusal::new(Cause::Unauthorized))
}

fn header<T: FromStr>(headers: &HeaderMap, name: &str) -> Result<T, Refusal> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok());
    value.ok_or_else(|| malformed(format!("the header {name} is missing or wrong")))
}

async fn body(request: Request) -> Result<Bytes, Refusal> {
    let body = to_bytes(request.into_body(), MAX_HTTP_BODY_BYTES).await;
    body.map_err(|_| {
        let message = format!("a body is not whole, or has more than {MAX_HTTP_BODY_BYTES} bytes");
        Refusal::because(Cause::HttpStatus(413), message)
    })
}

/// `largest`: bytes a message may have.
fn batch(body: &Bytes, largest: usize) -> Result<Batch, Refusal> {
    let mut batch = Batch::new();
    for part in HttpPart::parts(body) {
        batch.push_back(match part {
            Ok(HttpPart::Text(text)) if text.len() > largest => Incoming::TooLarge,
            Ok(HttpPart::Audio(message)) if message.len() > largest => Incoming::TooLarge,
            Ok(HttpPart::Text(text)) => Incoming::Text(text.into()),
            Ok(HttpPart::Audio(message)) => Incoming::Audio(body.slice_ref(message)),
            Ok(HttpPart::Close(_)) => Incoming::Closed,
            Err(HttpPartError::TooLarge(_)) => Incoming::TooLarge,
            Err(error) => return Err(malformed(error.to_string())),
        });
    }
    Ok(batch)
}

/// Makes the connection of a first POST, and hands it to the session that `hello` names.
fn open(shared: &Arc<Shared>, place: &Place, mut batch: Batch) -> Result<(), Refusal> {
    if shared.stopping.is_cancelled() || shared.draining.is_cancelled() {
        return Err(Refusal::new(Cause::Restarting));
    }
    if shared.registry.is_crowded() {
        return Err(Refusal::new(Cause::Overloaded));
    }
    let (hello, trace) = match batch.pop_front() {
        Some(Incoming::Text(text)) => first_message(&text).map_err(malformed)?,
        _ => return Err(malformed(HELLO_FIRST)),
    };
    match shared.exchanges.open(place.id, &place.grant.identity, batch) {
        Opened::New(connection) => {
            let connection = Connection::Http(connection);
            if let Err(refused) =
                shared.registry.attach(shared, place.grant.clone(), hello, &trace, connection)
            {
                // The next poll is told why.
                shared.connections.spawn(refused.tell());
            }
            Ok(())
        }
        Opened::Known => Ok(()),
        Opened::Crowded => Err(Refusal::new(Cause::Overloaded)),
    }
}

fn answer(place: &Place, status: StatusCode, body: Bytes) -> Response {
    // A cache that gave an answer twice would be found out by its number, and break the connection.
    let headers = [
        (HTTP_NUMBER, place.number.to_string()),
        (CACHE_CONTROL.as_str(), "no-store, no-transform".to_owned()),
        (CONTENT_TYPE.as_str(), HTTP_MEDIA_TYPE.to_owned()),
    ];
    (status, headers, body).into_response()
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::because(Cause::ProtocolError, message)
}

fn refusal(trouble: Trouble) -> Refusal {
    match trouble {
        Trouble::Gone => Refusal::because(Cause::HttpStatus(410), "this connection has ended"),
        Trouble::OutOfTurn => Refusal::because(Cause::HttpStatus(409), "a number is out of turn"),
    }
}

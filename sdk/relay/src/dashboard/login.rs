use std::sync::Arc;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{HeaderMap, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};

use super::logins::{By, NAME, logged_out};
use super::ticket::redeem;
use crate::api::{Caller, Trouble};
use crate::identity::AuditEvent;
use crate::shared::Shared;

/// What a login says: one of the two.
#[derive(Deserialize)]
struct Offer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    ticket: String,
}

/// A token has some hundred bytes.
const MOST_BYTES: usize = 8 << 10;

/// `POST /dashboard/login`
pub(super) async fn login(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Trouble> {
    let body = to_bytes(request.into_body(), MOST_BYTES).await.unwrap_or_default();
    let offer: Offer = serde_json::from_slice(&body).map_err(|_| {
        let remedy = "send {\"token\": \"...\"} or {\"ticket\": \"...\"}";
        Trouble::new(StatusCode::BAD_REQUEST, "malformed", "this is no login", remedy)
    })?;
    let by = if offer.ticket.is_empty() {
        // Where nobody needs a token, nobody needs one here.
        let token = (!offer.token.is_empty()).then(|| format!("Bearer {}", offer.token).into_bytes());
        shared.credentials.identify(token.as_deref()).map(|_| By::Token(token))
    } else {
        let good = shared.data.as_ref().is_some_and(|data| redeem(data.root(), &offer.ticket));
        good.then_some(By::Ticket)
    };
    let Some(by) = by else {
        warn!("a login to the dashboard was refused");
        return Err(refused(&offer).audited(AuditEvent::LoginRefused));
    };
    let made = shared.logins.make(by).ok_or_else(logged_out)?;
    info!("somebody logged in to the dashboard");
    let secure = if shared.encrypted { "; Secure" } else { "" };
    let cookie = format!("{NAME}={}; Path=/dashboard; HttpOnly; SameSite=Strict{secure}", made.cookie);
    let mut response = Json(json!({ "csrf": made.csrf })).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

fn refused(offer: &Offer) -> Trouble {
    let (message, remedy) = if offer.ticket.is_empty() {
        ("the relay does not know this token", "look at the token that the relay was started with")
    } else {
        ("this link was used, or is too old", "run `glasslink-relay dashboard` for another one")
    };
    Trouble::new(StatusCode::UNAUTHORIZED, "login_refused", message, remedy)
}

/// `GET /dashboard/me`: who is logged in, and what changes something has to carry.
pub(super) async fn me(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let (_, csrf, _) = shared.logins.find(&headers).ok_or_else(logged_out)?;
    let who = json!({ "identity": caller.identity.to_string(), "csrf": csrf });
    Ok(Json(who).into_response())
}

/// `POST /dashboard/logout`
pub(super) async fn logout(
    State(shared): State<Arc<Shared>>,
    _caller: Caller,
    headers: HeaderMap,
) -> Response {
    shared.logins.end(&headers);
    let gone = format!("{NAME}=; Path=/dashboard; HttpOnly; SameSite=Strict; Max-Age=0");
    (StatusCode::NO_CONTENT, [(SET_COOKIE, gone)]).into_response()
}

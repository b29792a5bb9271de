use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::{COOKIE, HeaderMap};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::ticket::hex;
use crate::api::{Caller, Trouble};
use crate::identity::{AuditEvent, Identity};
use crate::shared::Shared;

/// The cookie of a login.
pub(super) const NAME: &str = "glasslink_dashboard";

/// What changes something carries this header, with what the login answered.
const CSRF: &str = "x-csrf-token";

/// A working day.
const LASTING: Duration = Duration::from_hours(12);

/// Logins at once; the oldest goes first.
const MOST: usize = 64;

/// Who is logged in to the dashboard.
#[derive(Default)]
pub(crate) struct Logins {
    known: Mutex<VecDeque<Login>>,
}

struct Login {
    /// Of the cookie.
    digest: [u8; 32],
    csrf: String,
    by: By,
    until: Instant,
}

/// How somebody logged in.
#[derive(Clone)]
pub(super) enum By {
    /// With a token, which is asked about each time: one that is revoked opens nothing.
    Token(Option<Vec<u8>>),
    /// With a link.
    Ticket,
}

/// A login as its page gets to know it.
pub(super) struct Made {
    pub(super) cookie: String,
    pub(super) csrf: String,
}

impl Logins {
    pub(super) fn make(&self, by: By) -> Option<Made> {
        let (cookie, csrf) = (secret()?, secret()?);
        let mut known = self.lock();
        known.retain(|login| login.until > Instant::now());
        if known.len() >= MOST {
            known.pop_front();
        }
        let until = Instant::now() + LASTING;
        known.push_back(Login { digest: digest(&cookie), csrf: csrf.clone(), by, until });
        Some(Made { cookie, csrf })
    }

    pub(super) fn end(&self, headers: &HeaderMap) {
        let ended = cookie(headers).map(digest);
        self.lock().retain(|login| Some(login.digest) != ended);
    }

    /// The login of a request: how it was made, its token for what changes something, and its end.
    pub(super) fn find(&self, headers: &HeaderMap) -> Option<(By, String, Instant)> {
        let offered = digest(cookie(headers)?);
        let known = self.lock();
        let login = known.iter().find(|login| bool::from(login.digest.ct_eq(&offered)))?;
        (login.until > Instant::now()).then(|| (login.by.clone(), login.csrf.clone(), login.until))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Login>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who a request of the dashboard is from.
pub(crate) fn caller(parts: &Parts, shared: &Shared) -> Result<Caller, Trouble> {
    let (by, csrf, until) = shared.logins.find(&parts.headers).ok_or_else(logged_out)?;
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        let offered = parts.headers.get(CSRF).map(axum::http::HeaderValue::as_bytes).unwrap_or_default();
        if !bool::from(offered.ct_eq(csrf.as_bytes())) {
            return Err(Trouble::new(
                StatusCode::FORBIDDEN,
                "csrf",
                "the request does not come from a page of the dashboard",
                "reload the dashboard",
            )
            .audited(AuditEvent::CsrfRefused));
        }
    }
    match by {
        By::Ticket => Ok(Caller { identity: Identity::Owner, until: Some(until) }),
        By::Token(authorization) => {
            let grant = shared.credentials.identify(authorization.as_deref()).ok_or_else(logged_out)?;
            let until = grant.until.map_or(until, |expires| expires.min(until));
            Ok(Caller { identity: grant.identity, until: Some(until) })
        }
    }
}

pub(super) fn logged_out() -> Trouble {
    Trouble::new(
        StatusCode::UNAUTHORIZED,
        "logged_out",
        "nobody is logged in",
        "log in with a token of the relay, or run `glasslink-relay dashboard` for a link",
    )
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).map(|(_, value)| value)
}

fn digest(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie.as_bytes()).into()
}

fn secret() -> Option<String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).ok()?;
    Some(hex(&secret))
}

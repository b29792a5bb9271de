use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::log::{By, ConnectionId, Event, RuleId, What};
use crate::proxy::Proxy;
use crate::rule::{How, Rule};

/// A request waits for events this long at most.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// What is told at `/`.
const TEACHING: &str = include_str!("control.txt");

/// The proxy over HTTP; `GET /` teaches it.
pub fn control(proxy: Proxy) -> Router {
    Router::new()
        .route("/", get(|| async { TEACHING }))
        .route("/proxy", get(address))
        .route("/rules", get(rules).post(add).delete(remove_all))
        .route("/rules/{rule}", delete(remove))
        .route("/connections", get(connections).delete(close_all))
        .route("/connections/{connection}", delete(close))
        .route("/events", get(events))
        .route("/reset", post(reset))
        .with_state(proxy)
}

async fn address(State(proxy): State<Proxy>) -> Response {
    Json(json!({ "address": proxy.address().to_string() })).into_response()
}

async fn rules(State(proxy): State<Proxy>) -> Response {
    Json(proxy.rules()).into_response()
}

async fn add(State(proxy): State<Proxy>, rule: Result<Json<Rule>, JsonRejection>) -> Response {
    let added = match rule {
        Ok(Json(rule)) => proxy.try_add(rule).map_err(|error| error.to_string()),
        Err(error) => Err(error.body_text()),
    };
    match added {
        Ok(rule) => (StatusCode::CREATED, Json(json!({ "rule": rule }))).into_response(),
        Err(error) => problem(StatusCode::BAD_REQUEST, &error),
    }
}

async fn remove(State(proxy): State<Proxy>, Path(rule): Path<u64>) -> Response {
    if proxy.remove(RuleId(rule)) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        problem(StatusCode::NOT_FOUND, "there is no such rule (any more)")
    }
}

async fn remove_all(State(proxy): State<Proxy>) -> StatusCode {
    proxy.remove_all();
    StatusCode::NO_CONTENT
}

async fn connections(State(proxy): State<Proxy>) -> Response {
    Json(proxy.open()).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    how: Option<How>,
}

async fn close(
    State(proxy): State<Proxy>,
    Path(connection): Path<u64>,
    Query(Ending { how }): Query<Ending>,
) -> Response {
    if proxy.close(ConnectionId(connection), how.unwrap_or(How::Reset)) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        problem(StatusCode::NOT_FOUND, "there is no such connection (any more)")
    }
}

async fn close_all(State(proxy): State<Proxy>, Query(Ending { how }): Query<Ending>) -> Response {
    Json(json!({ "closed": proxy.close_all(how.unwrap_or(How::Reset)) })).into_response()
}

/// As at the start: no rule, no connection. The log stays; `after` separates one test from the next.
async fn reset(State(proxy): State<Proxy>) -> Response {
    proxy.remove_all();
    let closed = proxy.close_all(How::Reset);
    Json(json!({ "closed": closed, "after": proxy.last() })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    after: u64,
    event: Option<String>,
    connection: Option<u64>,
    rule: Option<u64>,
    #[serde(default)]
    count: usize,
    #[serde(default)]
    wait_ms: u64,
}

impl Asked {
    fn fits(&self, event: &Event) -> bool {
        let what = &event.what;
        let rule = match what {
            What::RuleAdded { rule, .. } | What::RuleRemoved { rule } | What::Applied { rule, .. } => {
                Some(*rule)
            }
            What::Closed { by: By::Rule(rule), .. } => Some(*rule),
            _ => None,
        };
        self.event.as_ref().is_none_or(|name| name == what.name())
            && self.connection.is_none_or(|id| what.connection() == Some(ConnectionId(id)))
            && self.rule.is_none_or(|id| rule == Some(RuleId(id)))
    }
}

/// One JSON object a line. Fewer than were waited for are an answer of status 408.
async fn events(State(proxy): State<Proxy>, Query(asked): Query<Asked>) -> Response {
    if let Some(event) = &asked.event
        && !What::NAMES.contains(&event.as_str())
    {
        return problem(
            StatusCode::BAD_REQUEST,
            &format!("there is no event {event}; there are {}", What::NAMES.join(", ")),
        );
    }
    let wait = Duration::from_millis(asked.wait_ms).min(LONGEST_WAIT);
    // Who waits, waits for something.
    let count = if wait.is_zero() { asked.count } else { asked.count.max(1) };
    let found = proxy.wait_for(asked.after, count, wait, |event| asked.fits(event)).await;
    let status = if found.len() < count { StatusCode::REQUEST_TIMEOUT } else { StatusCode::OK };
    let lines: String =
        found.iter().filter_map(|event| serde_json::to_string(event).ok()).map(|l| l + "\n").collect();
    (status, [(header::CONTENT_TYPE, "application/jsonl")], lines).into_response()
}

fn problem(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}

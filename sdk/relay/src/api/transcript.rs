use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use glasslink_protocol::EventNumber;
use glasslink_transcript::{Continues, Format, Timeline, TimelineError, export};
use tokio::task::spawn_blocking;

use super::Trouble;
use super::find::Wanted;
use crate::catalog::{SessionKey, StreamRow};
use crate::shared::Shared;

/// Events read at once.
const PAGE: usize = 2_000;

/// The formats, and what they are called on the web. The first is what who takes anything gets.
const TYPES: [(Format, &str); 5] = [
    (Format::Json, "application/json"),
    (Format::Txt, "text/plain; charset=utf-8"),
    (Format::Markdown, "text/markdown; charset=utf-8"),
    (Format::Srt, "application/x-subrip"),
    (Format::Vtt, "text/vtt; charset=utf-8"),
];

/// `GET /v1/sessions/{id}/transcript`: what was said, and what is missing.
pub(super) async fn transcript(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Wanted { key, parameters, .. }: Wanted,
) -> Result<Response, Trouble> {
    let (format, media_type) = match parameters.get::<Format>("format", "txt, md, json, srt or vtt")? {
        Some(format) => TYPES.into_iter().find(|(known, _)| *known == format).unwrap_or(TYPES[0]),
        None => negotiated(&headers).ok_or_else(|| {
            Trouble::new(
                StatusCode::NOT_ACCEPTABLE,
                "not_acceptable",
                "a transcript is none of the types that `Accept` names",
                "accept application/json, text/plain, text/markdown, application/x-subrip or text/vtt, or say ?format=",
            )
        })?,
    };
    let timeline = timeline(&shared, key).await?;
    let written = spawn_blocking(move || {
        let mut body = Vec::new();
        export(&timeline.transcript(), format, &mut body).map(|()| body)
    });
    match written.await {
        Ok(Ok(body)) => Ok(([(CONTENT_TYPE, media_type), (VARY, "accept")], body).into_response()),
        _ => Err(Trouble::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the transcript could not be written",
            "look at the relay's log",
        )),
    }
}

async fn timeline(shared: &Shared, key: SessionKey) -> Result<Timeline, Trouble> {
    let streams = shared.catalog.streams(key).await?;
    let mut timeline = Timeline::new();
    for StreamRow { start, mark, .. } in &streams {
        let earlier = start.continues.and_then(|id| streams.iter().find(|row| row.start.stream == id));
        let continues = earlier.and_then(|row| Some(Continues { stream: row.start.stream, at: row.ended? }));
        let declared = timeline.declare(start.stream, start.format, continues);
        if matches!(declared, Err(TimelineError::Unknown(_))) {
            fits(timeline.declare(start.stream, start.format, None))?;
        } else {
            fits(declared)?;
        }
        if let Some(mark) = mark {
            fits(timeline.mark(*mark))?;
        }
    }
    let mut after = EventNumber(0);
    loop {
        let events = shared.catalog.events(key, after, PAGE).await?;
        let last = events.len() < PAGE;
        for row in events {
            after = row.number;
            fits(timeline.event(key.epoch, row.number, row.event).map(drop))?;
        }
        if last {
            return Ok(timeline);
        }
    }
}

/// One event that makes no sense takes no other with it.
fn fits(result: Result<(), TimelineError>) -> Result<(), Trouble> {
    match result {
        Err(full @ TimelineError::Full(_)) => Err(Trouble::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "transcript_too_large",
            full.to_string(),
            "read it in pieces: /events?since=",
        )),
        _ => Ok(()),
    }
}

/// What `Accept` prefers; anything without one.
fn negotiated(headers: &HeaderMap) -> Option<(Format, &'static str)> {
    let accept: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    if accept.is_empty() {
        return Some(TYPES[0]);
    }
    let mut best: Option<(f32, (Format, &'static str))> = None;
    for range in accept {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        let matches = |media_type: &str| {
            let bare = media_type.split(';').next().unwrap_or_default();
            let kind = bare.split('/').next().unwrap_or_default();
            name == "*/*" || name == bare || name.strip_suffix("/*") == Some(kind)
        };
        let found = TYPES.into_iter().find(|(_, media_type)| matches(media_type));
        if let Some(found) = found
            && quality > best.map_or(0.0, |(quality, _)| quality)
        {
            best = Some((quality, found));
        }
    }
    best.map(|(_, found)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_what_is_accepted_most() {
        let accepts = |value: &str| {
            let headers = HeaderMap::from_iter([(ACCEPT, value.parse().unwrap())]);
            negotiated(&headers).map(|(format, _)| format)
        };
        assert_eq!(accepts("text/vtt"), Some(Format::Vtt));
        assert_eq!(accepts("text/html, text/markdown;q=0.9, text/plain;q=0.8"), Some(Format::Markdown));
        assert_eq!(accepts("text/*;q=0.1, application/x-subrip"), Some(Format::Srt));
        assert_eq!(accepts("*/*"), Some(Format::Json));
        assert_eq!(accepts("text/*"), Some(Format::Txt));
        assert_eq!(accepts("application/json;q=0, image/png"), None);
        assert_eq!(negotiated(&HeaderMap::new()).map(|(format, _)| format), Some(Format::Json));
    }
}

use std::sync::Arc;

use glasslink_protocol::EngineState;
use serde::Serialize;

use crate::api::{Caller, Session};
use crate::database::Health;
use crate::session::Inspection;
use crate::shared::Shared;
use crate::speech::EngineStatus;

/// Sessions that are shown at once.
const ROWS: usize = 200;

/// How the relay is at this moment, as far as somebody may see it.
#[derive(Serialize)]
pub(super) struct Overview {
    version: &'static str,
    ready: bool,
    reasons: Vec<String>,
    engine: EngineStatus,
    sessions: usize,
    connections: usize,
    database: &'static str,
    /// Writes that wait for it.
    writes: usize,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    session: Session,
    queued: Option<usize>,
    last_event: u64,
    engine: EngineState,
    streams: Vec<Link>,
}

/// A stream's link, in frames and milliseconds.
#[derive(Serialize)]
struct Link {
    stream: u32,
    frame_ms: Option<f64>,
    frames: u64,
    lost: u64,
    absent: u64,
    duplicates: u64,
    unkept: u64,
    untranscribed: u64,
}

impl Overview {
    pub(super) async fn of(shared: &Arc<Shared>, caller: &Caller) -> Self {
        let mut rows = Vec::new();
        let visible = shared.registry.visible(&caller.identity, None, usize::MAX);
        let sessions = visible.len();
        for session in visible {
            if rows.len() < ROWS
                && let Some(inspection) = shared.registry.inspect(session).await
            {
                rows.push(Row::of(inspection));
            }
        }
        let readiness = shared.readiness();
        // Why the relay is not ready may tell of folders and files.
        let reasons = if caller.identity.is_admin() { readiness.reasons } else { Vec::new() };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            ready: readiness.ready,
            reasons,
            engine: readiness.engine,
            sessions,
            connections: shared.registry.connections(),
            database: match shared.database.health() {
                Health::Up => "up",
                Health::Opening => "opening",
                Health::Down { .. } => "down",
            },
            writes: shared.database.waiting(),
            rows,
        }
    }
}

impl Row {
    fn of(inspection: Inspection) -> Self {
        let Inspection { key, row, last_event, streams, queued, engine, formats, .. } = inspection;
        let links = streams.iter().map(|sums| {
            let format = formats.iter().find(|(stream, _)| *stream == sums.stream).map(|(_, format)| format);
            Link {
                stream: sums.stream.0,
                frame_ms: format.map(|format| format.frame_duration().as_secs_f64() * 1_000.0),
                frames: sums.frames,
                lost: sums.lost,
                absent: sums.absent,
                duplicates: sums.duplicates,
                unkept: sums.received.since(sums.kept),
                untranscribed: sums.kept.since(sums.transcribed),
            }
        });
        let streams = links.collect();
        Self { session: Session::new(key, row), queued, last_event, engine: engine.state, streams }
    }
}

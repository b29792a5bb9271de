//! The shapes of answers, as `openapi.json` has them.
#![allow(clippy::struct_field_names, reason = "they are the names on the wire")]

use glasslink_protocol::{Codec, TranscriptEvent};
use glasslink_session::RelayStreamSums;
use serde::Serialize;

use crate::catalog::{ChangeRow, EventRow, SessionKey, SessionRow, SessionState, StreamRow};
use crate::session::Inspection;
use crate::speech::EngineStatus;

#[derive(Serialize)]
pub(crate) struct Session {
    id: String,
    epoch: u64,
    owner: String,
    state: SessionState,
    version: u64,
    created_ms: u64,
    seen_ms: u64,
    over_ms: Option<u64>,
    client: String,
    trace: String,
}

#[derive(Serialize)]
pub(super) struct Sessions {
    pub(super) sessions: Vec<Session>,
    /// Where the next page begins.
    pub(super) next: Option<String>,
}

#[derive(Serialize)]
pub(super) struct SessionDetail {
    #[serde(flatten)]
    pub(super) session: Session,
    pub(super) streams: Vec<Stream>,
    pub(super) live: Option<Live>,
    /// The timeline: every change of its state, the newest 500.
    pub(super) changes: Vec<ChangeRow>,
}

/// What only a live session knows.
#[derive(Serialize)]
pub(super) struct Live {
    last_event: u64,
    /// Bytes that wait for its connection.
    queued_bytes: Option<usize>,
    engine: EngineStatus,
}

#[derive(Serialize)]
pub(super) struct Stream {
    stream: u32,
    label: String,
    codec: Codec,
    sample_rate: u32,
    frame_samples: u32,
    continues: Option<u32>,
    /// When its first clock mark says that it began.
    started_ms: Option<i64>,
    ended: bool,
    live: Option<Sums>,
}

/// In frames.
#[derive(Serialize)]
struct Sums {
    received: u64,
    kept: u64,
    transcribed: u64,
    frames: u64,
    lost: u64,
    absent: u64,
    duplicates: u64,
}

#[derive(Serialize)]
pub(super) struct Events {
    pub(super) epoch: u64,
    pub(super) events: Vec<Event>,
    /// What to ask for next: `since`.
    pub(super) next: u64,
    /// Whether there was more than fits.
    pub(super) more: bool,
}

#[derive(Serialize)]
pub(super) struct Event {
    number: u64,
    at_ms: u64,
    event: TranscriptEvent,
}

impl Session {
    pub(crate) fn new(key: SessionKey, row: SessionRow) -> Self {
        let SessionRow { owner, state, version, created_ms, seen_ms, over_ms, client, trace, folder: _ } =
            row;
        let (id, epoch) = (key.id.to_string(), key.epoch.0);
        Self { id, epoch, owner, state, version, created_ms, seen_ms, over_ms, client, trace }
    }
}

impl Live {
    pub(super) fn new(inspection: &Inspection) -> Self {
        Self {
            last_event: inspection.last_event,
            queued_bytes: inspection.queued,
            engine: inspection.engine.clone(),
        }
    }
}

impl Stream {
    pub(super) fn new(row: StreamRow, live: Option<&Inspection>) -> Self {
        let StreamRow { start, mark, ended } = row;
        let of_stream = |sums: &&RelayStreamSums| sums.stream == start.stream;
        let sums = live.and_then(|live| live.streams.iter().find(of_stream));
        let started_ms = mark.map(|mark| {
            let before = start.format.stream_time(mark.index).as_millis();
            mark.utc_ms.saturating_sub(i64::try_from(before).unwrap_or(i64::MAX))
        });
        Self {
            stream: start.stream.0,
            label: start.label,
            codec: start.format.codec(),
            sample_rate: start.format.sample_rate(),
            frame_samples: start.format.frame_samples(),
            continues: start.continues.map(|stream| stream.0),
            started_ms,
            ended: ended.is_some(),
            live: sums.map(|sums| Sums {
                received: sums.received.0,
                kept: sums.kept.0,
                transcribed: sums.transcribed.0,
                frames: sums.frames,
                lost: sums.lost,
                absent: sums.absent,
                duplicates: sums.duplicates,
            }),
        }
    }
}

impl From<EventRow> for Event {
    fn from(EventRow { number, at_ms, event }: EventRow) -> Self {
        Self { number: number.0, at_ms, event }
    }
}

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use glasslink_audio::journal::disk::OsDisk;
use glasslink_audio::journal::log::{Log, Record};
use glasslink_protocol::{ClockMark, EventNumber, FrameIndex, SessionId, StreamStart, TranscriptEvent};

use crate::catalog::{EventRow, Found, SessionKey, StreamRow};
use crate::store::disk::records::{CLOCK, END, EVENT, SESSION, STREAM, SessionPayload};
use crate::store::disk::restore::{RestoreError, json};

/// Opens a session's files to look at them, also while they are written.
pub(crate) fn look(dir: &Path) -> Result<Log, RestoreError> {
    Ok(Log::open(Arc::new(OsDisk), dir, None, false)?)
}

/// What a session's files tell the catalogue.
pub(crate) fn contents(log: &Log) -> Result<Found, RestoreError> {
    let sticky = log.sticky()?;
    let payload: SessionPayload = json(&sticky, SESSION, 0).ok_or(RestoreError::NoSession)?;
    let key = SessionKey { id: SessionId(log.id().id), epoch: payload.epoch };
    let created_ms = log.created_ms().map_or(0, |at| at as u64);
    let mut streams = BTreeMap::new();
    for (_, lane) in sticky.keys().filter(|(kind, _)| *kind == STREAM) {
        let Some(start) = json::<StreamStart>(&sticky, STREAM, *lane) else { continue };
        let ended = sticky.get(&(END, *lane)).map(|record| FrameIndex(record.from));
        streams.insert(start.stream, StreamRow { start, mark: None, ended });
    }
    log.control_of_kind(CLOCK, |record| {
        if let Ok(mark) = serde_json::from_slice::<ClockMark>(record.payload)
            && let Some(stream) = streams.get_mut(&mark.stream)
        {
            stream.mark.get_or_insert(mark);
        }
    })?;
    let mut events = Vec::new();
    log.bulk(EVENT, 0, &(0..u64::MAX), |record: &Record<'_>| {
        let Ok(event) = serde_json::from_slice::<TranscriptEvent>(record.payload) else { return };
        let (stream, to) = match &event {
            TranscriptEvent::Final(said) => (said.stream, said.to),
            TranscriptEvent::Gap(gap) => (gap.stream, gap.to),
        };
        // When it was said is as near as the files tell when it was written.
        let said = streams.get(&stream).and_then(|stream| {
            let mark = stream.mark?;
            let behind = stream.start.format.duration(to.since(mark.index)).as_millis();
            u64::try_from(mark.utc_ms).ok()?.checked_add(u64::try_from(behind).ok()?)
        });
        let at_ms = said.unwrap_or(created_ms);
        events.push(EventRow { number: EventNumber(record.from), at_ms, event });
    })?;
    Ok(Found { key, owner: payload.identity, created_ms, streams: streams.into_values().collect(), events })
}

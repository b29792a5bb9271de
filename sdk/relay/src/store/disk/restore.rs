use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::Arc;

use glasslink_audio::journal::disk::Disk;
use glasslink_audio::journal::log::{Log, LogError, LogId, LogLimits, LogWriter, Record, StickyRecords};
use glasslink_protocol::{
    Epoch, EventNumber, FrameIndex, Gap, GapCause, SessionId, StreamId, StreamStart, TranscriptEvent,
};
use glasslink_session::{RestoredSession, RestoredStream};
use serde::de::DeserializeOwned;
use tracing::warn;

use crate::identity::{Identity, UnknownIdentity};
use crate::store::Store;
use crate::store::disk::DiskStore;
use crate::store::disk::data_dir::DataDir;
use crate::store::disk::records::{
    CONTENT, END, EVENT, FRAMES, GAP, HOLDER, HolderPayload, SESSION, STREAM, SessionPayload, TRANSCRIBED,
};
use crate::store::disk::store::gap_of;
use crate::store::disk::stream::DiskStream;

/// A session that was found in the files.
pub(crate) struct Restored {
    pub(crate) session: SessionId,
    pub(crate) identity: Identity,
    pub(crate) epoch: Epoch,
    pub(crate) link: RestoredSession,
    /// Whether its owner lets speech leave this machine.
    pub(crate) remote_speech: bool,
    /// Up to where each stream has finals, or known to have none.
    pub(crate) settled: HashMap<StreamId, FrameIndex>,
    pub(crate) store: DiskStore,
    /// Whether nothing that was written can have been lost: the machine is still running.
    pub(crate) is_whole: bool,
}

/// Why a session could not be found in its files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("whose it is, is not known: {0}")]
    Identity(#[from] UnknownIdentity),
    #[error("what the session is, is lost")]
    NoSession,
}

/// What is known of a stream from its records.
struct Found {
    start: StreamStart,
    transcribed: FrameIndex,
    /// What is before it has its final, or is known to have none.
    settled: FrameIndex,
    end: Option<FrameIndex>,
    gaps: BTreeMap<FrameIndex, (FrameIndex, GapCause)>,
}

pub(super) fn restore(data: &Arc<DataDir>, session: SessionId, dir: &Path) -> Result<Restored, RestoreError> {
    let id = LogId { content: CONTENT, id: session.0 };
    let log = Log::open(data.disk(), dir, Some(id), true)?;
    for damage in log.damage().iter().filter(|damage| !damage.cut) {
        warn!(dir = %dir.display(), ?damage, "a session's file is damaged; what else is in it is used");
    }
    let sticky = log.sticky()?;
    let payload: SessionPayload = json(&sticky, SESSION, 0).ok_or(RestoreError::NoSession)?;
    let holder: Option<HolderPayload> = json(&sticky, HOLDER, 0);
    let remote_speech = holder.is_some_and(|holder| holder.remote_speech);
    let holder = holder.map(|HolderPayload { holder, attach, .. }| (holder, attach));
    let mut found = streams(&sticky);
    log.control(|record| {
        if record.kind == GAP
            && let Some(stream) = found.get_mut(&StreamId(record.lane))
            && let Some((from, to, cause)) = gap_of(record)
        {
            stream.gaps.insert(from, (to, cause));
        }
    })?;
    let (first_event, events) = events(&log)?;
    let mut unwritten = Vec::new();
    for stream in found.values_mut() {
        unwritten.extend(stream.learn(&log, &events));
    }
    let streams = found.values().map(|stream| stream.link_half(&log)).collect();
    let settled = found.iter().map(|(id, stream)| (*id, stream.settled)).collect();
    let on_disk = found.into_iter().map(|(id, stream)| (id, Box::new(stream.store_half(&log)))).collect();
    let link = RestoredSession { holder, streams, first_event, events };
    let writer = LogWriter::resume(log, LogLimits::default(), data.syncer())?;
    let mut store = DiskStore::restored(Arc::clone(data), dir.to_owned(), writer, on_disk);
    for gap in &unwritten {
        store.gap(gap);
    }
    Ok(Restored {
        session,
        identity: payload.identity.parse()?,
        epoch: payload.epoch,
        link,
        remote_speech,
        settled,
        store,
        is_whole: data.is_same_boot(),
    })
}

/// Which life a folder is of, and whose.
pub(super) fn identify(disk: &Arc<dyn Disk>, dir: &Path) -> Option<(Epoch, String)> {
    let log = Log::open(Arc::clone(disk), dir, None, false).ok()?;
    let payload: SessionPayload = json(&log.sticky().ok()?, SESSION, 0)?;
    Some((payload.epoch, payload.identity))
}

fn streams(sticky: &StickyRecords) -> BTreeMap<StreamId, Found> {
    let mut found = BTreeMap::new();
    for (_, lane) in sticky.keys().filter(|(kind, _)| *kind == STREAM) {
        let Some(start) = json::<StreamStart>(sticky, STREAM, *lane) else { continue };
        let mark = |kind| sticky.get(&(kind, *lane)).map(|record| FrameIndex(record.from));
        let transcribed = start.from.max(start.transcribed);
        let transcribed = mark(TRANSCRIBED).map_or(transcribed, |mark| mark.max(transcribed));
        let (end, settled, gaps) = (mark(END), transcribed, BTreeMap::new());
        let stream = Found { start, transcribed, settled, end, gaps };
        found.insert(StreamId(*lane), stream);
    }
    found
}

impl Found {
    /// Takes over what the transcript tells of the stream. Events are written before the marks and gaps that follow
    /// from them, and the process may have died between the two: returns the gaps that are in the transcript only.
    fn learn(&mut self, log: &Log, events: &[TranscriptEvent]) -> Vec<Gap> {
        let mut unwritten = Vec::new();
        for event in events.iter().filter(|event| event.stream() == self.start.stream) {
            match event {
                TranscriptEvent::Final(said) => self.settled = self.settled.max(said.to),
                // The oldest audio is let go first.
                TranscriptEvent::Gap(gap) if gap.cause == GapCause::NotTranscribed => {
                    self.settled = self.settled.max(gap.to);
                }
                TranscriptEvent::Gap(gap) if gap.to > self.kept(log) => {
                    self.gaps.insert(gap.from, (gap.to, gap.cause));
                    unwritten.push(*gap);
                }
                TranscriptEvent::Gap(_) => {}
            }
        }
        unwritten
    }

    /// Frames and gaps are written in order, so that nothing before the last of them is missing but by damage.
    fn kept(&self, log: &Log) -> FrameIndex {
        let frames = log.coverage(FRAMES, self.start.stream.0).last().map_or(0, |range| range.end);
        let gaps = self.gaps.values().map(|(to, _)| to.0).max().unwrap_or(0);
        self.start.from.max(FrameIndex(frames.max(gaps)))
    }

    fn store_half(self, log: &Log) -> DiskStream {
        let (kept, StreamStart { format, from, .. }) = (self.kept(log), self.start);
        DiskStream::restored(format, from, kept, self.settled, self.gaps)
    }

    fn link_half(&self, log: &Log) -> RestoredStream {
        let (from, kept) = (self.start.from, self.kept(log));
        let (mut lost, mut absent, mut at) = (0, 0, from);
        for (begin, (to, cause)) in &self.gaps {
            let frames = to.since((*begin).max(at));
            at = at.max(*to);
            *(if cause.is_loss() { &mut lost } else { &mut absent }) += frames;
        }
        RestoredStream {
            start: self.start.clone(),
            kept,
            transcribed: self.transcribed.min(kept),
            ended: self.end,
            // Damaged ones had arrived, too.
            frames: kept.since(from) - lost - absent,
            lost,
            absent,
        }
    }
}

/// The last events without a hole between them, and the number of the first.
fn events(log: &Log) -> io::Result<(EventNumber, Vec<TranscriptEvent>)> {
    let (mut first, mut events): (u64, Vec<TranscriptEvent>) = (1, Vec::new());
    log.bulk(EVENT, 0, &(0..u64::MAX), |record: &Record<'_>| {
        let Ok(event) = serde_json::from_slice(record.payload) else { return };
        if record.from != first + events.len() as u64 {
            first = record.from;
            events.clear();
        }
        events.push(event);
    })?;
    Ok((EventNumber(first), events))
}

pub(super) fn json<T: DeserializeOwned>(sticky: &StickyRecords, kind: u8, lane: u32) -> Option<T> {
    sticky.get(&(kind, lane)).and_then(|record| serde_json::from_slice(&record.payload).ok())
}

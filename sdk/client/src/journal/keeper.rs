use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glasslink_audio::journal::{Journal, Piece, RecordedEvent};
use glasslink_protocol::{FrameIndex, Gap, GapCause, StreamId};
use glasslink_session::{Event, defaults::HISTORY_EVENTS};
use tokio::sync::oneshot;

use crate::shared::Shared;

/// A disk that fails is asked again this often, ...
const RETRY: Duration = Duration::from_secs(1);

/// ... and this many times before frames that are on it are given up.
const ATTEMPTS: u32 = 30;

/// Writes what the relay said into the journal and reads frames back from it, on a thread of its own: a slow disk
/// slows neither the link nor the source.
#[derive(Debug)]
pub(crate) struct Keeper {
    desk: Arc<Desk>,
}

#[derive(Debug, Default)]
struct Desk {
    work: Mutex<Work>,
    changed: Condvar,
}

/// Bounded: marks replace each other, a stream has one fetch at a time, and events are as many as a relay replays.
#[derive(Debug, Default)]
struct Work {
    events: VecDeque<RecordedEvent>,
    kept: BTreeMap<StreamId, FrameIndex>,
    transcribed: BTreeMap<StreamId, FrameIndex>,
    fetches: BTreeMap<StreamId, Fetch>,
    /// What was told as lost although it was recorded.
    given_up: Vec<Gap>,
    finished: bool,
    /// Told when everything before is written.
    written: Vec<oneshot::Sender<()>>,
    stop: bool,
    over: bool,
}

#[derive(Clone, Debug)]
struct Fetch {
    range: Range<FrameIndex>,
    attempts: u32,
    not_before: Option<Instant>,
}

/// Frames read back, one behind the other.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// What the journal had.
enum Fetched {
    /// Frames from the start of the range on, perhaps not all.
    Frames(Frames),
    /// The range begins with a hole that ends here.
    Hole(FrameIndex),
}

impl Keeper {
    pub(crate) fn new() -> Self {
        Self { desk: Arc::default() }
    }

    /// Starts the thread, which ends with [`Keeper::stop`].
    pub(crate) fn start(&self, shared: Arc<Shared>, journal: Journal) -> io::Result<()> {
        let desk = Arc::clone(&self.desk);
        let thread = std::thread::Builder::new().name("glasslink-journal".into());
        thread.spawn(move || run(&desk, &shared, &journal)).map(drop)
    }

    /// Takes note of what is worth knowing after a restart.
    pub(crate) fn note(&self, event: &Event) {
        let mut work = self.desk.lock();
        match event {
            Event::Kept { stream, next } => {
                work.kept.insert(*stream, *next);
            }
            Event::Transcribed { stream, to } => {
                work.transcribed.insert(*stream, *to);
            }
            Event::Transcript { epoch, number, event } => {
                if work.events.len() == HISTORY_EVENTS {
                    work.events.pop_front();
                    tracing::error!("the journal's disk is too slow for the transcript");
                }
                work.events.push_back(RecordedEvent { epoch: *epoch, number: *number, event: event.clone() });
            }
            // The recorder wrote the gaps of the source; these are of frames that are recorded.
            Event::Gap(gap) if matches!(gap.cause, GapCause::Rejected | GapCause::Disk) => {
                if work.given_up.len() < HISTORY_EVENTS {
                    work.given_up.push(*gap);
                }
            }
            _ => return,
        }
        drop(work);
        self.desk.changed.notify_one();
    }

    pub(crate) fn fetch(&self, stream: StreamId, range: Range<FrameIndex>) {
        let fetch = Fetch { range, attempts: 0, not_before: None };
        self.desk.lock().fetches.insert(stream, fetch);
        self.desk.changed.notify_one();
    }

    /// Everything is uploaded and transcribed: the next start has nothing to do. Waits until that is written.
    pub(crate) async fn finish(&self) {
        self.desk.lock().finished = true;
        self.written().await;
    }

    /// Waits until everything noted so far is written.
    pub(crate) async fn written(&self) {
        let (sender, written) = oneshot::channel();
        {
            let mut work = self.desk.lock();
            if work.over {
                return;
            }
            work.written.push(sender);
        }
        self.desk.changed.notify_one();
        let _ = written.await;
    }

    pub(crate) fn stop(&self) {
        self.desk.lock().stop = true;
        self.desk.changed.notify_one();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do. `None`: it is time to stop, and everything is written.
    fn next(&self) -> Option<Work> {
        let mut work = self.lock();
        loop {
            let now = Instant::now();
            let due = |fetch: &Fetch| fetch.not_before.is_none_or(|at| at <= now);
            let fetch = work.fetches.iter().find(|(_, fetch)| due(fetch)).map(|(stream, _)| *stream);
            let fetch = fetch.and_then(|stream| Some((stream, work.fetches.remove(&stream)?)));
            if work.is_something() || fetch.is_some() {
                let waiting = std::mem::take(&mut work.fetches);
                let mut taken = std::mem::take(&mut *work);
                work.stop = taken.stop;
                work.fetches = waiting;
                taken.fetches.extend(fetch);
                return Some(taken);
            }
            if work.stop {
                work.over = true;
                return None;
            }
            work = if work.fetches.is_empty() {
                self.changed.wait(work).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.changed.wait_timeout(work, RETRY).unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }
}

impl Work {
    fn is_something(&self) -> bool {
        !(self.events.is_empty()
            && self.kept.is_empty()
            && self.transcribed.is_empty()
            && self.given_up.is_empty()
            && self.written.is_empty())
            || self.finished
    }
}

fn run(desk: &Desk, shared: &Shared, journal: &Journal) {
    while let Some(work) = desk.next() {
        write(journal, &work);
        for (stream, fetch) in work.fetches {
            answer(desk, shared, journal, stream, &fetch);
        }
        for written in work.written {
            let _ = written.send(());
        }
    }
}

/// What the disk does not take now, the journal writes when it does: marks and events are its to remember.
fn write(journal: &Journal, work: &Work) {
    let now = tokio::time::Instant::now().into_std();
    // Events before the marks that say that they were all there.
    for RecordedEvent { epoch, number, event } in &work.events {
        said(journal.event(*epoch, *number, event, now));
    }
    for gap in &work.given_up {
        said(journal.gap(gap, now));
    }
    for (stream, next) in &work.kept {
        said(journal.kept(*stream, *next, now));
    }
    for (stream, to) in &work.transcribed {
        said(journal.transcribed(*stream, *to, now));
    }
    if work.finished {
        said(journal.finished(now));
    }
}

fn said<T, E: std::fmt::Display>(written: Result<T, E>) {
    if let Err(error) = written {
        tracing::error!(%error, "not in the journal");
    }
}

fn answer(desk: &Desk, shared: &Shared, journal: &Journal, stream: StreamId, fetch: &Fetch) {
    let Range { start, end } = fetch.range;
    match read(journal, stream, start..end) {
        Ok(Fetched::Frames(frames)) => {
            let answered = shared.with(|session, now| session.fetched(now, stream, start, frames.iter()));
            if let Err(error) = answered {
                // The connection it was for is gone.
                tracing::debug!(%error, "journal");
            }
        }
        Ok(Fetched::Hole(hole)) => {
            shared.with(|session, now| session.fetch_failed(now, stream, start, hole.min(end)));
        }
        Err(error) if fetch.attempts < ATTEMPTS => {
            tracing::warn!(%error, "journal");
            let not_before = Some(Instant::now() + RETRY);
            let again = Fetch { range: start..end, attempts: fetch.attempts + 1, not_before };
            desk.lock().fetches.entry(stream).or_insert(again);
        }
        Err(error) => {
            tracing::error!(%error, "journal");
            shared.with(|session, now| session.fetch_failed(now, stream, start, end));
        }
    }
}

fn read(
    journal: &Journal,
    stream: StreamId,
    range: Range<FrameIndex>,
) -> Result<Fetched, glasslink_audio::journal::RecordingError> {
    let mut frames = Frames::default();
    let mut hole = None;
    journal.recording().frames(stream, range.clone(), |piece| match piece {
        Piece::Frame { frame, .. } if hole.is_none() => frames.push(frame),
        Piece::Frame { .. } => {}
        Piece::Gap(gap) => hole = hole.or(Some(gap.to)),
    })?;
    if !frames.ends.is_empty() {
        return Ok(Fetched::Frames(frames));
    }
    Ok(Fetched::Hole(hole.unwrap_or(range.end)))
}

impl Frames {
    fn push(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|place| {
            let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.bytes[start..self.ends[place]]
        })
    }
}

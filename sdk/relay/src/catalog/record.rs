use std::collections::BTreeSet;
use std::sync::Arc;

use glasslink_protocol::{
    ClockMark, EventNumber, FrameIndex, Gap, GapCause, StreamId, StreamStart, TranscriptEvent,
};

use super::feed::{Feed, Happened, What};
use super::types::{
    Catalog, Change, ChangeRow, EventRow, SessionKey, SessionRow, SessionState, StreamRow, unix_ms,
};
use crate::identity::Identity;

/// A live session's line to the catalogue: every change of it has a version, and goes there in order.
pub(crate) struct Record {
    catalog: Arc<dyn Catalog>,
    feed: Feed,
    key: SessionKey,
    owner: Arc<str>,
    row: SessionRow,
    /// Streams that have their first clock mark.
    marked: BTreeSet<StreamId>,
}

impl Record {
    /// A session begins, or goes on behind `version`.
    pub(crate) fn begin(
        catalog: Arc<dyn Catalog>,
        feed: Feed,
        key: SessionKey,
        owner: &Identity,
        version: Option<u64>,
    ) -> Self {
        let (owner, now) = (owner.to_string(), unix_ms());
        let row = SessionRow {
            owner: owner.clone(),
            state: SessionState::Waiting,
            version: version.unwrap_or(0),
            created_ms: now,
            seen_ms: now,
            over_ms: None,
            client: String::new(),
            trace: String::new(),
            folder: None,
        };
        let marked = BTreeSet::new();
        let mut record = Self { catalog, feed, key, owner: owner.into(), row, marked };
        match version {
            None => record.change("created", String::new()),
            Some(_) => record.change("found", "the relay was started again".to_owned()),
        }
        record
    }

    pub(crate) fn key(&self) -> SessionKey {
        self.key
    }

    pub(crate) fn row(&self) -> &SessionRow {
        &self.row
    }

    pub(crate) fn attached(&mut self, client: &str, trace: &str) {
        self.row.state = SessionState::Attached;
        client.clone_into(&mut self.row.client);
        trace.clone_into(&mut self.row.trace);
        self.change("attached", client.to_owned());
    }

    pub(crate) fn detached(&mut self) {
        if self.row.state == SessionState::Attached {
            self.row.state = SessionState::Waiting;
            self.change("detached", String::new());
        }
    }

    pub(crate) fn opened(&mut self, start: &StreamStart) {
        let stream = StreamRow { start: start.clone(), mark: None, ended: None };
        self.catalog.record(self.key, Change::Opened(stream));
        let format = &start.format;
        let codec = format!("{:?}", format.codec()).to_lowercase();
        let detail = format!("stream {}: {codec} at {} Hz", start.stream, format.sample_rate());
        self.change("stream_opened", detail);
    }

    pub(crate) fn ended(&mut self, stream: StreamId, at: FrameIndex) {
        self.catalog.record(self.key, Change::Ended(stream, at));
        self.change("stream_ended", format!("stream {stream}, at frame {at}"));
        self.marked.remove(&stream);
    }

    pub(crate) fn clock(&mut self, mark: &ClockMark) {
        if self.marked.insert(mark.stream) {
            self.catalog.record(self.key, Change::Marked(*mark));
        }
    }

    pub(crate) fn gap(&mut self, gap: &Gap) {
        // A radio loses a packet now and then; the transcript has it.
        if gap.cause != GapCause::Radio {
            let detail = format!("stream {}, {} ms: {}", gap.stream, gap.ms, gap.cause.words());
            self.change("gap", detail);
        }
    }

    pub(crate) fn event(&mut self, number: EventNumber, event: &TranscriptEvent) {
        let event = EventRow { number, at_ms: unix_ms(), event: event.clone() };
        self.tell(|| What::Event(event.clone()));
        self.catalog.record(self.key, Change::Event(event));
    }

    /// Something happened that is worth a line.
    pub(crate) fn note(&mut self, what: &str, detail: impl Into<String>) {
        self.change(what, detail.into());
    }

    /// The catalogue does not have it as it is.
    pub(crate) fn restate(&mut self) {
        self.row.version += 1;
        self.catalog.record(self.key, Change::Session(self.row.clone()));
    }

    /// It is over; where its files are, if it has any.
    pub(crate) fn over(mut self, why: &str, folder: Option<String>) {
        self.row.state = SessionState::Over;
        self.row.over_ms = Some(unix_ms());
        let gone = folder.is_none();
        self.row.folder = folder;
        self.change("over", why.to_owned());
        if gone {
            self.catalog.record(self.key, Change::Gone);
        }
    }

    fn change(&mut self, what: &str, detail: String) {
        let now = unix_ms();
        self.row.version += 1;
        self.row.seen_ms = now;
        let (version, what) = (self.row.version, what.to_owned());
        let change = ChangeRow { version, at_ms: now, what, detail };
        self.catalog.record(self.key, Change::Session(self.row.clone()));
        let state = self.row.state;
        self.tell(|| What::Change(state, change.clone()));
        self.catalog.record(self.key, Change::Happened(change));
    }

    fn tell(&self, what: impl FnOnce() -> What) {
        self.feed.tell(|| Happened { key: self.key, owner: Arc::clone(&self.owner), what: what() });
    }
}

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glasslink_audio::journal::Journal;
use glasslink_protocol::{Cause, ClockMark, EngineState, FrameIndex, SpeechTo, StreamFormat, StreamId};
use glasslink_session::{
    Action, ClientSession, Event, LinkState, LinkStats, LinkTimeline, OpenError, StreamOptions, Timestamp,
};
use glasslink_transcript::{Continues, Timeline, TimelineError};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::connection::Transport;
use crate::events::Subscribers;
use crate::journal::Keeper;
use crate::notes::Notes;
use crate::trace::Trace;

/// What the relay last said of its speech engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    pub state: EngineState,
    /// One sentence for a person.
    pub message: String,
    /// What to do about it; empty when all is well.
    pub remedy: String,
    /// Where what is said goes now; `None`: nowhere.
    pub speech_to: Option<SpeechTo>,
}

/// What the link's task and its handles have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    core: Mutex<Core>,
    heard: Mutex<Heard>,
    /// Clock marks on their way to the timeline. Whoever captures must neither allocate nor wait for a reader of it.
    marks: Mutex<Vec<ClockMark>>,
    notes: Mutex<Notes>,
    /// Where sources are recorded, until the link ends.
    journal: Mutex<Option<Journal>>,
    pub(crate) keeper: Option<Keeper>,
    pub(crate) trace: Trace,
    pub(crate) clock: Clock,
    pub(crate) wake: Notify,
    /// There are other credentials than those the connection was opened with.
    pub(crate) new_credentials: Arc<Notify>,
    pub(crate) subscribers: Subscribers,
    pub(crate) state: watch::Sender<LinkState>,
    pub(crate) stats: watch::Sender<LinkStats>,
    /// What carries the messages now.
    pub(crate) transport: watch::Sender<Option<Transport>>,
    /// Moves whenever something that can be waited for may have happened.
    progress: watch::Sender<()>,
    ended: watch::Sender<bool>,
}

#[derive(Debug)]
struct Core {
    session: ClientSession,
    /// When the link's task wakes by itself.
    armed: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Heard {
    timeline: Timeline,
    /// Where the streams end that were ended, for those that go on from them. As many as the timeline has.
    ends: BTreeMap<StreamId, FrameIndex>,
    /// As which streams went on what was cut off by a long outage.
    continued: BTreeMap<StreamId, StreamId>,
    engine: Option<Engine>,
    trouble: Option<Cause>,
}

impl Shared {
    pub(crate) fn new(session: ClientSession, trace: Trace) -> Self {
        Self {
            marks: Mutex::new(Vec::with_capacity(MARKS)),
            notes: Mutex::new(Notes::new()),
            journal: Mutex::default(),
            keeper: None,
            trace,
            state: watch::Sender::new(session.state()),
            stats: watch::Sender::new(session.stats()),
            transport: watch::Sender::new(None),
            core: Mutex::new(Core { session, armed: None }),
            heard: Mutex::default(),
            clock: Clock::start(),
            wake: Notify::new(),
            new_credentials: Arc::default(),
            subscribers: Subscribers::new(),
            progress: watch::Sender::new(()),
            ended: watch::Sender::new(false),
        }
    }

    /// Records what is attached, and reads back what memory let go.
    pub(crate) fn record_in(&mut self, journal: Journal) {
        self.journal = Mutex::new(Some(journal));
        self.keeper = Some(Keeper::new());
    }

    /// Knows already what an earlier process knew.
    pub(crate) fn restore(&mut self, timeline: Timeline, ends: impl Iterator<Item = (StreamId, FrameIndex)>) {
        let ends = ends.collect();
        self.heard = Mutex::new(Heard { timeline, ends, ..Heard::default() });
    }

    pub(crate) fn journal(&self) -> Option<Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A call of a handle. Wakes the link's task only if there is something for it to do sooner than it knows.
    pub(crate) fn with<T>(&self, call: impl FnOnce(&mut ClientSession, Timestamp) -> T) -> T {
        let mut core = self.core();
        // Read under the lock, so that the session's time never goes back.
        let now = self.clock.now();
        let result = call(&mut core.session, now);
        let due = core.session.poll_timeout();
        let sooner = due.is_some_and(|due| core.armed.is_none_or(|armed| due < armed));
        if sooner || core.session.has_actions() {
            core.armed = core.armed.min(due).or(due);
            drop(core);
            self.wake.notify_one();
        }
        result
    }

    /// A look that changes nothing.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&ClientSession) -> T) -> T {
        look(&self.core().session)
    }

    /// A call of the link's task, which looks for what to do by itself.
    pub(crate) fn drive<T>(&self, call: impl FnOnce(&mut ClientSession, Timestamp) -> T) -> T {
        let mut core = self.core();
        let now = self.clock.now();
        call(&mut core.session, now)
    }

    /// What the session wants done; when it wants to be called if that is nothing.
    pub(crate) fn drain(&self, actions: &mut Vec<Action>) -> Option<Instant> {
        let mut core = self.core();
        while let Some(action) = core.session.poll_action() {
            actions.push(action);
        }
        core.armed = core.session.poll_timeout();
        core.armed.map(|at| self.clock.instant(at))
    }

    /// Tells everybody.
    pub(crate) fn tell(&self, event: &Event) {
        let silent = match event {
            Event::State(_) => self.look(|session| session.silent_for(self.clock.now())),
            _ => Duration::ZERO,
        };
        self.note(|notes, now| notes.event(now, silent, event));
        if *event == Event::State(LinkState::Live) {
            let stats = self.look(ClientSession::stats);
            self.note(|notes, now| notes.sample(now, &stats));
        }
        self.heard().take(event);
        if let Some(keeper) = &self.keeper {
            keeper.note(event);
        }
        if let Event::State(state) = event {
            self.state.send_replace(*state);
        }
        self.subscribers.tell(event);
        self.progressed();
    }

    /// Notes something for those who ask afterwards.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Notes, Timestamp)) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that the timeline's time never goes back.
        note(&mut notes, self.clock.now());
    }

    /// What was noted.
    pub(crate) fn link_timeline(&self) -> LinkTimeline {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).timeline()
    }

    pub(crate) fn progressed(&self) {
        self.progress.send_replace(());
    }

    /// The link's task is over: whoever waits or listens is told.
    pub(crate) fn end(&self) {
        let mut actions = Vec::new();
        self.drive(ClientSession::close);
        self.drain(&mut actions);
        for action in actions {
            if let Action::Event(event) = action {
                self.tell(&event);
            }
        }
        let stats = self.look(ClientSession::stats);
        self.note(|notes, _| notes.end(&stats));
        if let Some(keeper) = &self.keeper {
            keeper.stop();
        }
        // Lets go of the recording's folder.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.subscribers.end();
        self.transport.send_replace(None);
        self.ended.send_replace(true);
        self.progressed();
    }

    /// Waits until the link's task is over.
    pub(crate) async fn ended(&self) {
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// Waits until `check` has something to say.
    pub(crate) async fn wait_for<T>(&self, mut check: impl FnMut(&Self) -> Option<T>) -> T {
        let mut progress = self.progress.subscribe();
        loop {
            if let Some(answer) = check(self) {
                return answer;
            }
            // The sender lives as long as `self`.
            let _ = progress.changed().await;
        }
    }

    pub(crate) fn engine(&self) -> Option<Engine> {
        self.heard().engine.clone()
    }

    /// Why the last attempt or connection failed, if none succeeded since.
    pub(crate) fn trouble(&self) -> Option<Cause> {
        self.heard().trouble
    }

    /// Opens a stream, and puts it on the timeline.
    pub(crate) fn open(
        &self,
        format: StreamFormat,
        mut options: StreamOptions,
    ) -> Result<StreamId, OpenError> {
        options.continues = options.continues.map(|stream| self.last_of(stream));
        let earlier = options.continues;
        let id = self.with(|session, now| session.open_stream(now, format, options))?;
        let mut heard = self.heard();
        let continues = earlier.and_then(|stream| {
            let end = heard.ends.get(&stream).copied();
            Some(Continues { stream, at: end.or_else(|| self.look(|session| session.next_frame(stream)))? })
        });
        if let Err(error) = heard.timeline.declare(id, format, continues) {
            tracing::warn!(%error, "not on the timeline");
        }
        Ok(id)
    }

    /// Opens the stream that goes on from `stream`, which has ended, in another format.
    pub(crate) fn go_on_as(
        &self,
        stream: StreamId,
        format: StreamFormat,
        options: StreamOptions,
    ) -> Result<StreamId, OpenError> {
        let by = self.open(format, StreamOptions { continues: Some(stream), ..options })?;
        let at = {
            let mut heard = self.heard();
            heard.continued.insert(stream, by);
            heard.ends.get(&stream).copied().unwrap_or_default()
        };
        // No outage: it is for those who listen, and none of the link's own figures.
        self.subscribers.tell(&Event::Continued { stream, at, by });
        Ok(by)
    }

    /// `stream` has gone on as stream `by`: puts that on the timeline.
    pub(crate) fn went_on(&self, stream: StreamId, by: StreamId) {
        let Some(at) = self.look(|session| session.next_frame(stream)) else { return };
        let mut heard = self.heard();
        heard.ends.insert(stream, at);
        heard.continued.insert(stream, by);
        if let Err(error) = heard.timeline.go_on(by, Continues { stream, at }) {
            tracing::warn!(%error, "not on the timeline");
        }
    }

    /// The stream that what began as `stream` goes on as.
    pub(crate) fn last_of(&self, mut stream: StreamId) -> StreamId {
        let heard = self.heard();
        while let Some(by) = heard.continued.get(&stream) {
            stream = *by;
        }
        stream
    }

    /// Ends a stream behind its last frame.
    pub(crate) fn end_stream(&self, stream: StreamId) {
        let end = self.with(|session, now| {
            session.end_stream(now, stream);
            session.next_frame(stream)
        });
        if let Some(end) = end {
            self.heard().ends.insert(stream, end);
        }
    }

    pub(crate) fn timeline<T>(&self, call: impl FnOnce(&mut Timeline) -> T) -> T {
        call(&mut self.heard().timeline)
    }

    /// Takes a sample of the figures when one is due. Says when the next one is, if somebody watches: without, nobody
    /// is woken for it.
    pub(crate) fn sample(&self, sampled_at: &mut Option<Instant>) -> Option<Instant> {
        let now = Instant::now();
        if sampled_at.is_none_or(|last| now >= last + SAMPLE_INTERVAL) {
            *sampled_at = Some(now);
            let stats = self.look(ClientSession::stats);
            self.note(|notes, now| notes.sample(now, &stats));
            self.stats.send_if_modified(|last| std::mem::replace(last, stats) != stats);
        }
        sampled_at.map(|last| last + SAMPLE_INTERVAL).filter(|_| self.stats.receiver_count() > 0)
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ties a frame to the clocks, on the link and on the timeline.
    pub(crate) fn mark(&self, mark: ClockMark) {
        self.with(|session, _| session.clock(mark));
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.push(mark);
        if marks.len() == MARKS {
            drop(marks);
            drop(self.heard());
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        for mark in self.marks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // A stream that found no place on the timeline needs no clock there.
            let _ = heard.timeline.mark(mark);
        }
        heard
    }
}

/// Marks that wait for the timeline: ten minutes of one stream.
const MARKS: usize = 64;

/// At most four samples a second (P12).
const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);

impl Heard {
    fn take(&mut self, event: &Event) {
        let taken: Result<bool, TimelineError> = match event {
            Event::State(LinkState::Waiting { cause, .. } | LinkState::Refused { cause, .. }) => {
                self.trouble = Some(*cause);
                return;
            }
            Event::State(LinkState::Live) => {
                self.trouble = None;
                return;
            }
            Event::Engine { state, message, remedy, speech_to } => {
                self.engine = Some(Engine {
                    state: *state,
                    message: message.clone(),
                    remedy: remedy.clone(),
                    speech_to: speech_to.clone(),
                });
                return;
            }
            Event::Transcript { epoch, number, event } => self.timeline.event(*epoch, *number, event.clone()),
            Event::Partial(partial) => self.timeline.partial(partial.clone()),
            Event::Gap(gap) => self.timeline.gap(*gap),
            _ => return,
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "not on the timeline");
        }
    }
}

use std::collections::BTreeMap;

use glasslink_asr::EngineError;
use glasslink_protocol::{
    ClockMark, Durability, EngineState, EventNumber, Final, FrameIndex, Gap, GapCause, Partial, StreamFormat,
    StreamId, StreamStart, TranscriptEvent,
};
use glasslink_session::{RelaySession, RestoredStream, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::limits;
use crate::session::stream::Stream;
use crate::speech::{EngineStatus, Fed, Heard, Said, Speech, Transcription};
use crate::store::Store;

/// What each final is logged under: where many people talk, `--log info,glasslink_relay::transcript=warn` spares the disk.
const TRANSCRIPT: &str = "glasslink_relay::transcript";

/// A session's streams between store and engine.
pub(crate) struct Streams {
    store: Box<dyn Store>,
    speech: Speech,
    /// Boxed: a map has room for eleven at once, and most sessions have one.
    open: BTreeMap<StreamId, Box<Stream>>,
    heard: mpsc::UnboundedSender<Box<Heard>>,
    /// What the store may let go of once the events that were made of it are in the store, too.
    released: Vec<(StreamId, FrameIndex)>,
    /// Nothing is transcribed before a client has said what it knows: the last events may be lost here, not there.
    awaits_client: bool,
    /// The engine's state may be another than the link knows.
    status_changed: bool,
    /// Whether the connection has room for text that will be replaced.
    pub(crate) wants_partials: bool,
    /// Whether the owner lets speech leave this machine.
    remote_speech: bool,
}

impl Streams {
    /// What the engine says goes to `heard`, and from there to [`Streams::hear`].
    pub(crate) fn new(
        store: Box<dyn Store>,
        speech: Speech,
        heard: mpsc::UnboundedSender<Box<Heard>>,
    ) -> Self {
        let open = BTreeMap::new();
        let (released, awaits_client) = (Vec::new(), false);
        Self {
            store,
            speech,
            open,
            heard,
            released,
            awaits_client,
            status_changed: true,
            wants_partials: true,
            remote_speech: false,
        }
    }

    /// Whether the owner lets speech leave this machine. What may not leave any more is taken back at once.
    pub(crate) fn allow_remote_speech(&mut self, allowed: bool) {
        if std::mem::replace(&mut self.remote_speech, allowed) == allowed {
            return;
        }
        for stream in self.open.values_mut() {
            if stream.serving.is_some_and(|(engine, _)| !self.speech.may_have(engine, allowed)) {
                stream.leave();
            }
        }
        self.engine_changed();
    }

    /// Goes on with a stream that was found in the files.
    pub(crate) fn resume(&mut self, found: &RestoredStream, settled: FrameIndex, awaits_client: bool) {
        let RestoredStream { start, transcribed, ended, .. } = found;
        self.awaits_client = awaits_client;
        let mut transcription = Transcription::resumed(start.stream, start.format, *transcribed, settled);
        if let Some(end) = *ended {
            transcription.end(end);
        }
        self.open.insert(start.stream, Box::new(Stream::new(transcription, &self.speech)));
    }

    /// A client attached, and said up to where it has finals: none of those is wanted again.
    pub(crate) fn client_knows(&mut self, now: Timestamp, link: &mut RelaySession, starts: &[StreamStart]) {
        for start in starts {
            let Some(stream) = self.open.get_mut(&start.stream) else { continue };
            let heard = start.transcribed.min(self.store.kept(start.stream));
            if heard > stream.transcription.settled() {
                stream.leave();
                stream.transcription.pass_over(heard);
                link.transcribed(now, start.stream, heard);
                self.released.push((start.stream, heard));
            }
        }
        if std::mem::take(&mut self.awaits_client) {
            self.engine_changed();
        }
    }

    pub(crate) fn open(&mut self, start: &StreamStart) {
        self.store.open(start);
        // The client may have finals of frames that it sends again: no one wants them twice.
        let from = start.from.max(start.transcribed);
        let transcription = Transcription::new(start.stream, start.format, from);
        self.open.insert(start.stream, Box::new(Stream::new(transcription, &self.speech)));
    }

    /// Frames that are kept when this returns.
    pub(crate) fn frames(&mut self, stream: StreamId, first: FrameIndex, count: u16, body: &[u8]) {
        self.store.frames(stream, first, count, body);
        self.wake(stream);
    }

    pub(crate) fn gap(&mut self, gap: &Gap) {
        self.store.gap(gap);
        self.wake(gap.stream);
    }

    pub(crate) fn end(&mut self, stream: StreamId, at: FrameIndex) {
        self.store.end(stream, at);
        if let Some(known) = self.open.get_mut(&stream) {
            known.transcription.end(at);
        }
        self.wake(stream);
    }

    pub(crate) fn clock(&mut self, mark: &ClockMark) {
        self.store.clock(mark);
    }

    pub(crate) fn event(&mut self, number: EventNumber, event: &TranscriptEvent) {
        if let TranscriptEvent::Final(Final { stream, from, to, .. }) = event {
            info!(target: TRANSCRIPT, number = number.0, %stream, %from, %to, "transcribed");
        }
        self.store.event(number, event);
    }

    pub(crate) fn holder(&mut self, holder: (u64, u64)) {
        self.store.holder(holder, self.remote_speech);
    }

    /// Frames that outlive the session, and that an engine had still to take.
    pub(crate) fn left_over(&self) -> u64 {
        if !self.is_durable() || !self.speech.any_may_have(self.remote_speech) {
            return 0;
        }
        self.open.keys().map(|id| self.store.held(*id).frames).sum()
    }

    /// Whether the owner lets speech leave this machine.
    pub(crate) fn may_leave(&self) -> bool {
        self.remote_speech
    }

    /// Whether what is kept outlives the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.store.durability() == Durability::Disk
    }

    /// The session is over. Where its files are, if any are kept.
    pub(crate) fn over(self) -> Option<String> {
        self.store.over()
    }

    /// Nothing more comes: what is there is transcribed as if the streams ended here.
    pub(crate) fn finish_early(&mut self, link: &RelaySession) {
        for sums in link.sums() {
            if let Some(stream) = self.open.get_mut(&sums.stream) {
                stream.transcription.end(sums.received);
                stream.hungry = true;
            }
        }
    }

    /// Whether an engine is still at work on something.
    pub(crate) fn is_busy(&self) -> bool {
        self.open.values().any(|stream| self.is_served(stream) && !stream.transcription.is_done())
    }

    /// Whether [`Streams::work`] has more to do at once.
    pub(crate) fn is_hungry(&self) -> bool {
        self.open.values().any(|stream| stream.hungry)
    }

    /// The engine's state changed: what waits may go to it now.
    pub(crate) fn engine_changed(&mut self) {
        self.status_changed = true;
        for stream in self.open.values_mut() {
            stream.hungry = true;
        }
    }

    pub(crate) fn formats(&self) -> Vec<(StreamId, StreamFormat)> {
        self.open.iter().map(|(id, stream)| (*id, *stream.transcription.format())).collect()
    }

    /// How the engine is for this session.
    pub(crate) fn status(&self) -> EngineStatus {
        let serving: Vec<usize> = self.open.values().filter_map(|stream| Some(stream.serving?.0)).collect();
        let status = self.speech.best(self.remote_speech, &serving);
        let is_failing = |stream: &Stream| stream.failures > 0 || !stream.avoided.is_empty();
        let waits = |stream: &Stream| is_failing(stream) && (serving.is_empty() || stream.failures > 0);
        if status.is_ready() && self.open.values().any(|stream| waits(stream)) {
            let message = "transcription degraded: the speech engine failed and is tried again; audio is kept meanwhile";
            return EngineStatus::new(EngineState::Degraded, message).with_remedy(status.remedy);
        }
        status
    }

    /// When [`Streams::work`] wants to be called although nothing happened.
    pub(crate) fn due(&self) -> Option<Instant> {
        let streams = self.open.iter().filter_map(|(id, stream)| self.stream_due(*id, stream));
        streams.chain(self.store.retry_at()).chain(self.store.write_at()).min()
    }

    fn stream_due(&self, id: StreamId, stream: &Stream) -> Option<Instant> {
        if stream.retry.is_some() {
            return stream.retry;
        }
        if self.awaits_client {
            return None;
        }
        if self.is_served(stream) {
            return self.is_full(id, stream).then(|| stream.progressed + limits::ENGINE_STUCK);
        }
        self.store.crowding()?;
        self.store.held(id).oldest.map(|oldest| oldest + limits::HELD_AGE)
    }

    /// Feeds the engine, one turn's worth, and keeps what waits within its bounds.
    pub(crate) fn work(&mut self, now: Timestamp, link: &mut RelaySession) {
        self.store.retry();
        let ids: Vec<StreamId> = self.open.keys().copied().collect();
        for id in ids {
            link.kept(now, id, self.store.kept(id));
            self.limit(now, link, id);
            if self.awaits_client {
                continue;
            }
            self.watch(id);
            self.feed(link, id);
            self.bound(now, link, id);
            self.settle_silence(now, link, id);
            self.close_if_done(id);
        }
        if std::mem::take(&mut self.status_changed) {
            let status = self.status();
            link.set_engine(status.state, status.message, status.remedy, status.speech_to);
        }
    }

    /// To be called once the events of what was done are in the store.
    pub(crate) fn settle(&mut self) {
        for (stream, to) in self.released.drain(..) {
            self.store.release(stream, to);
        }
    }

    /// What an engine said. Returns text that may still change.
    pub(crate) fn hear(&mut self, now: Timestamp, link: &mut RelaySession, heard: Heard) -> Option<Partial> {
        let Heard { stream: id, recognition, event } = heard;
        let stream = self.open.get_mut(&id)?;
        match stream.transcription.hear(recognition, event) {
            Said::Partial(partial) => return Some(partial),
            Said::Final(settled) => {
                self.status_changed |= stream.progress(true);
                link.append(TranscriptEvent::Final(settled));
            }
            Said::Transcribed(to) => {
                self.status_changed |= stream.progress(false);
                link.transcribed(now, id, to);
                self.released.push((id, to));
                self.prefer(id);
            }
            Said::Failed(error) => {
                warn!(stream = %id, %error, "recognition failed");
                self.status_changed = true;
                if let Some((engine, _)) = stream.serving {
                    stream.failed(engine, &error);
                }
            }
            Said::Nothing => {}
        }
        None
    }

    fn is_served(&self, stream: &Stream) -> bool {
        stream.is_served(self.remote_speech)
    }

    /// Goes back to a better engine, if there is one again and the stream has been with this one for a while.
    fn prefer(&mut self, id: StreamId) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        let Some((engine, since)) = stream.serving else { return };
        let better = self.speech.choose(&**stream, self.remote_speech).filter(|better| *better < engine);
        if better.is_some() && since.elapsed() >= limits::ENGINE_STAY {
            stream.leave();
            stream.hungry = true;
            self.status_changed = true;
        }
    }

    fn wake(&mut self, stream: StreamId) {
        if let Some(stream) = self.open.get_mut(&stream) {
            stream.hungry = true;
        }
    }

    /// Whether the engine has all the audio it takes.
    fn is_full(&self, id: StreamId, stream: &Stream) -> bool {
        let transcription = &stream.transcription;
        let held = self.store.held(id).frames;
        let most = window(transcription.format(), self.open.len());
        transcription.is_running() && held > 0 && (transcription.ended().is_some() || held >= most * 3 / 4)
    }

    /// Looks after the engine: retries that are due, and one that hangs.
    fn watch(&mut self, id: StreamId) {
        let Some(stream) = self.open.get(&id) else { return };
        let full = self.is_full(id, stream);
        let Some(stream) = self.open.get_mut(&id) else { return };
        let now = Instant::now();
        if stream.retry.is_some_and(|at| now >= at) {
            stream.retry =
                stream.avoided.values().map(|(until, _)| *until).filter(|until| *until > now).min();
            stream.hungry = true;
        }
        match stream.serving.filter(|_| full) {
            None => stream.progressed = now,
            Some((engine, _)) if now >= stream.progressed + limits::ENGINE_STUCK => {
                warn!(stream = %id, "the speech engine settles nothing");
                self.status_changed = true;
                let detail = "it settles nothing".to_owned();
                stream.failed(engine, &EngineError::Failed { detail });
            }
            Some(_) => {}
        }
    }

    fn feed(&mut self, link: &mut RelaySession, id: StreamId) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        if !std::mem::replace(&mut stream.hungry, false) || !stream.transcription.is_decodable() {
            return;
        }
        if !stream.transcription.is_running() {
            let waiting = self.store.held(id).frames > 0;
            let chosen = self.speech.choose(&**stream, self.remote_speech).filter(|_| waiting);
            let Some(engine) = chosen else { return };
            self.speech.asked(engine, stream.key);
            self.status_changed = true;
            let opened = stream.transcription.open(self.speech.engine(engine), &self.heard, &*self.store);
            if let Err(error) = opened {
                warn!(stream = %id, %error, "no recognition");
                stream.failed(engine, &error);
                return;
            }
            info!(stream = %id, engine = self.speech.engine(engine).name(), "engine");
            stream.serving = Some((engine, Instant::now()));
            stream.progressed = Instant::now();
        }
        let fed = stream.transcription.feed(&mut *self.store);
        stream.hungry = fed != Fed::Enough;
        if stream.transcription.take_undecodable() {
            warn!(stream = %id, "its frames cannot be decoded; the client is asked for PCM");
            link.ask_for_pcm(id);
        }
        if let Fed::Lost { from, to } = fed {
            warn!(stream = %id, %from, %to, "kept frames are damaged");
            let from = from.max(stream.transcription.settled());
            if from < to {
                link.append_gap(id, from, to, GapCause::RelayLostHistory);
                let format = stream.transcription.format();
                self.store.gap(&Gap::new(id, from, to, GapCause::RelayLostHistory, format));
            }
        }
    }

    /// Holds the client back where an engine will take what waits and there is no room for more, and while the disk
    /// takes nothing.
    fn limit(&mut self, now: Timestamp, link: &mut RelaySession, id: StreamId) {
        let streams = self.open.len();
        let Some(stream) = self.open.get_mut(&id) else { return };
        let is_served = stream.is_served(self.remote_speech);
        let received = link.sums().find(|sums| sums.stream == id).map_or(FrameIndex(0), |sums| sums.received);
        let limit = if self.store.retry_at().is_some() {
            Some(received)
        } else if self.store.crowding().is_some() && is_served {
            let ahead = window(stream.transcription.format(), streams);
            Some(stream.transcription.transcribed() + ahead)
        } else {
            None
        };
        stream.limit = limit.map(|limit| limit.max(stream.limit.unwrap_or(received)));
        link.set_limit(now, id, stream.limit);
    }

    /// Lets go of the oldest of what waits where no engine takes it.
    fn bound(&mut self, now: Timestamp, link: &mut RelaySession, id: StreamId) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        let poison = stream.failures >= limits::ENGINE_FAILURES;
        if stream.is_served(self.remote_speech) && !poison {
            return;
        }
        let format = *stream.transcription.format();
        let nobody = !self.speech.any_may_have(self.remote_speech) || !stream.transcription.is_decodable();
        let most = format.frames_in(if nobody { limits::HELD_FOR_NOBODY } else { limits::HELD });
        let ended = stream.transcription.ended().is_some();
        let mut poisoned = poison;
        if poisoned {
            stream.failures = 0;
        }
        while let Some(oldest) = self.store.held(id).oldest {
            let crowding = self.store.crowding();
            let too_old = crowding.is_some() && oldest.elapsed() >= limits::HELD_AGE;
            let too_much =
                crowding.is_some_and(|bytes| self.store.held(id).frames > most || bytes > limits::HELD_BYTES);
            let unwanted = std::mem::take(&mut poisoned) || (nobody && ended);
            if !(too_old || too_much || unwanted) {
                break;
            }
            if !self.let_go(now, link, id, format.frames_in(limits::LET_GO).max(1)) {
                break;
            }
        }
    }

    /// Whether there was anything to let go.
    fn let_go(&mut self, now: Timestamp, link: &mut RelaySession, id: StreamId, frames: u64) -> bool {
        let Some(stream) = self.open.get_mut(&id) else { return false };
        let runs = self.store.oldest(id, stream.transcription.settled(), frames);
        let Some((from, to)) = runs.first().zip(runs.last()).map(|(first, last)| (first.0, last.1)) else {
            self.released.push((id, stream.transcription.settled()));
            return false;
        };
        info!(stream = %id, %from, %to, "audio let go untranscribed");
        for (from, to) in runs {
            link.append_gap(id, from, to, GapCause::NotTranscribed);
        }
        stream.leave();
        stream.transcription.pass_over(to);
        link.transcribed(now, id, to);
        self.released.push((id, to));
        true
    }

    /// Where nothing is left that an engine could take, the end is reached without one.
    fn settle_silence(&mut self, now: Timestamp, link: &mut RelaySession, id: StreamId) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        let Some(end) = stream.transcription.ended() else { return };
        if stream.transcription.is_running() {
            return;
        }
        let kept = self.store.kept(id) >= end;
        if kept && self.store.oldest(id, stream.transcription.settled(), 1).is_empty() {
            stream.transcription.pass_over(end);
            link.transcribed(now, id, end);
            self.released.push((id, end));
        }
    }

    fn close_if_done(&mut self, id: StreamId) {
        if self.open.get(&id).is_some_and(|stream| stream.transcription.is_done()) {
            self.open.remove(&id);
            self.store.close(id);
        }
    }
}

/// Frames of a stream that are taken ahead of the engine.
fn window(format: &StreamFormat, streams: usize) -> u64 {
    // Opus at its most wasteful; and what a frame costs beyond its bytes.
    let frame_bytes = format.frame_bytes().map_or(1_275, u64::from) + 16;
    let by_bytes = (limits::HELD_BYTES / streams.max(1)) as u64 / frame_bytes;
    format.frames_in(limits::HELD).min(by_bytes).max(1)
}

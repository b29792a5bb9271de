use std::sync::Arc;
use std::time::Duration;

use glasslink_audio::Source;
use glasslink_audio::journal::{Journal, Recorder, StreamInfo};
use glasslink_protocol::{Capabilities, DeviceEvent, SessionId, StreamFormat};
use glasslink_session::{
    ClientSession, LinkState, LinkStats, LinkTimeline, NotLive, OpenError, StreamOptions, Transport,
};
use glasslink_transcript::{Timeline, Transcript};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::address::RelayAddress;
use crate::attach::{AttachedSource, RecordError};
use crate::builder::LinkBuilder;
use crate::clock;
use crate::events::Events;
use crate::journal::LinkSink;
use crate::shared::{Engine, Shared};
use crate::stream::AudioStream;
use crate::telemetry::NudgedBy;
use crate::wait::{self, FinishError, WaitLiveError};

/// A link to a relay: one session that outlives its connections.
///
/// A cheap handle; clones are the same link. When the last one is dropped the link ends as if the program had been
/// killed: its task, timers and socket are gone, and the relay keeps the session for a while. [`Link::close`] says
/// goodbye instead.
#[derive(Clone, Debug)]
pub struct Link {
    shared: Arc<Shared>,
    owner: Arc<Owner>,
}

#[derive(Debug)]
struct Owner {
    address: RelayAddress,
    /// In the foreground.
    ping_interval: Duration,
    runtime: Handle,
    task: AbortHandle,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    /// Two pings a minute: a mobile radio stays awake for about 10 s after each.
    pub const BACKGROUND_PING: Duration = Duration::from_secs(30);

    /// A link to the relay at `url`: `https://relay.example`, `http://127.0.0.1:8787`; `wss` and `ws` are the same.
    pub fn builder(url: impl Into<String>) -> LinkBuilder {
        LinkBuilder::new(url)
    }

    pub(crate) fn new(
        shared: Arc<Shared>,
        address: RelayAddress,
        ping_interval: Duration,
        runtime: Handle,
        task: AbortHandle,
    ) -> Self {
        Self { shared, owner: Arc::new(Owner { address, ping_interval, runtime, task }) }
    }

    /// Opens a stream of frames of `format`, to be pushed.
    pub fn open(&self, format: StreamFormat, options: StreamOptions) -> Result<AudioStream, OpenError> {
        let id = self.shared.open(format, options)?;
        Ok(AudioStream::new(Arc::clone(&self.shared), id, format))
    }

    /// Opens a stream of what `source` yields. A task of its own takes frames from it until it ends, then ends the
    /// stream. With [`WhenFull::Refuse`](crate::WhenFull::Refuse) the source waits while the buffer is full.
    ///
    /// With a journal the source is recorded, and sent from the recording: it neither waits nor loses anything as long
    /// as the disk takes it.
    pub fn attach(
        &self,
        source: impl Source + 'static,
        options: StreamOptions,
    ) -> Result<AttachedSource, OpenError> {
        let shared = Arc::clone(&self.shared);
        let runtime = &self.owner.runtime;
        if let Some(journal) = shared.journal() {
            let (options, sink) = self.sink(source.format(), options)?;
            return Ok(AttachedSource::record(runtime, shared, source, journal, sink, options));
        }
        let stream = self.open(source.format(), options.clone())?;
        Ok(AttachedSource::pump(runtime, shared, source, stream, options))
    }

    /// Opens a stream of what `source` yields, to be recorded whatever becomes of the link: call
    /// [`Recorder::run`] with the sink in a task of your own.
    pub fn recorder<S: Source>(
        &self,
        source: S,
        options: StreamOptions,
    ) -> Result<(Recorder<S>, LinkSink), RecordError> {
        let journal = self.shared.journal().ok_or(RecordError::NoJournal)?;
        let (options, sink) = self.sink(source.format(), options)?;
        let StreamOptions { continues, label, .. } = options;
        let info = StreamInfo { format: source.format(), continues, label };
        let recorder = Recorder::new(source, journal, sink.stream(), &info, clock::utc_offset_min())?;
        Ok((recorder, sink))
    }

    /// What attached sources are recorded in, if they are; its state is the recording's, as the link's is the link's.
    pub fn journal(&self) -> Option<Journal> {
        self.shared.journal()
    }

    fn sink(
        &self,
        format: StreamFormat,
        options: StreamOptions,
    ) -> Result<(StreamOptions, LinkSink), OpenError> {
        let continues = options.continues.map(|stream| self.shared.last_of(stream));
        let options = StreamOptions { continues, ..options };
        let sink = LinkSink::open(&self.shared, format, &options)?;
        Ok((options, sink))
    }

    /// What happens on the link from now on.
    pub fn events(&self) -> Events {
        self.shared.subscribers.subscribe()
    }

    pub fn state(&self) -> LinkState {
        self.shared.look(ClientSession::state)
    }

    /// The state as it changes. A watcher that looks away sees the latest; [`Events`] has each.
    pub fn watch_state(&self) -> watch::Receiver<LinkState> {
        self.shared.state.subscribe()
    }

    pub fn stats(&self) -> LinkStats {
        self.shared.look(ClientSession::stats)
    }

    /// The figures as they change, at most four times a second.
    pub fn watch_stats(&self) -> watch::Receiver<LinkStats> {
        let stats = self.shared.stats.subscribe();
        self.shared.wake.notify_one();
        stats
    }

    /// What carries the link's messages now; `None` while there is no connection.
    pub fn transport(&self) -> Option<Transport> {
        *self.shared.transport.borrow()
    }

    /// The same as it changes.
    pub fn watch_transport(&self) -> watch::Receiver<Option<Transport>> {
        self.shared.transport.subscribe()
    }

    /// What was said and what is missing so far, of all streams of this link.
    pub fn transcript(&self) -> Transcript {
        self.shared.timeline(|timeline| timeline.transcript())
    }

    /// The same with what is not settled yet.
    pub fn timeline(&self) -> Timeline {
        self.shared.timeline(|timeline| timeline.clone())
    }

    /// What the link saw and did, from its beginning: attempts and how each ended, outages, round trips, stalls and
    /// gaps. Neither speech, nor secrets, nor addresses; bounded. [`LinkTimeline::to_json`] makes a field report of it,
    /// which `replay --timeline` and `cargo xtask simulate --timeline` play again (`TIMELINE.md`).
    pub fn link_timeline(&self) -> LinkTimeline {
        self.shared.link_timeline()
    }

    /// What the relay last said of its speech engine; `None` before it did.
    pub fn engine(&self) -> Option<Engine> {
        self.shared.engine()
    }

    /// What the link is called in its own logs and in the relay's, where `glasslink-relay logs --trace` finds it. To be
    /// shown to whoever helps: it gives nothing away.
    pub fn trace(&self) -> &str {
        self.shared.trace.as_str()
    }

    pub fn session(&self) -> SessionId {
        self.shared.look(ClientSession::session)
    }

    /// Waits until the link is live. It goes on trying when this gives up, `within` being over.
    pub async fn wait_live(&self, within: Option<Duration>) -> Result<(), WaitLiveError> {
        wait::live(&self.shared, &self.owner.address, within).await
    }

    /// Ends every stream, and waits until the relay keeps all of it and the last final is in. Cancel safe.
    pub async fn finish(&self) -> Result<(), FinishError> {
        wait::finish(&self.shared).await
    }

    /// Ends the session: the relay may forget it, and what it does not keep yet is lost. Waits for the relay's
    /// goodbye, a second at most. Call [`Link::finish`] first to lose nothing.
    pub async fn close(&self) {
        self.shared.with(ClientSession::close);
        self.shared.ended().await;
    }

    /// Takes the session back from the program that superseded this one.
    pub fn take_over(&self) {
        self.shared.with(ClientSession::take_over);
    }

    /// Tries again after a refusal, for other reasons than credentials.
    pub fn retry(&self) {
        self.shared.with(ClientSession::connect);
    }

    /// New credentials are there: a link that was refused for the old ones goes on, and one that is live shows them to
    /// the relay, without losing connection or frame.
    pub fn credentials_changed(&self) {
        self.shared.with(ClientSession::credentials_changed);
        if self.state().is_live() {
            self.shared.new_credentials.notify_one();
        }
    }

    /// The network came up, or the device woke: the link tries, or checks, at once. It notices by itself where the system
    /// tells of interfaces; a phone tells the program, and this is where the program tells the link.
    pub fn network_changed(&self) {
        self.shared.note(|notes, now| notes.network_up(now, NudgedBy::Program));
        self.shared.with(ClientSession::network_changed);
    }

    /// A phone's program is in the background, or in front again: an idle link spares the radio meanwhile, with a ping
    /// each [`Link::BACKGROUND_PING`]. In front again, the link tries, or checks, at once.
    pub fn set_background(&self, is_background: bool) {
        if is_background {
            self.set_ping_interval(Self::BACKGROUND_PING);
        } else {
            self.set_ping_interval(self.owner.ping_interval);
            self.network_changed();
        }
    }

    /// Tells apps what the wearer or the device did. How something is (battery, head, connection) is kept and told when
    /// the link is live; a press or a touch is refused while it is not.
    pub fn device_event(&self, event: DeviceEvent) -> Result<(), NotLive> {
        self.shared.with(|session, _| session.device_event(event))
    }

    /// Tells apps what the device can do, now and on every connection.
    pub fn set_capabilities(&self, capabilities: Capabilities) {
        self.shared.with(|session, _| session.set_capabilities(capabilities));
    }

    /// Starts an app that the relay knows by this name, or stops it.
    pub fn run_app(&self, app: impl Into<String>, run: bool) -> Result<(), NotLive> {
        self.shared.with(|session, _| session.run_app(app.into(), run))
    }

    /// How often an idle link asks whether the relay is there.
    pub fn set_ping_interval(&self, interval: Duration) {
        self.shared.with(|session, _| session.set_ping_interval(interval));
    }
}

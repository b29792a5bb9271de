mod attached;

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use glasslink_protocol::{CloseCode, Display, Durability, SessionId};
use glasslink_session::{RelayAction, RelayEvent, RelaySession, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tracing::{Span, info, info_span, warn};

use self::attached::{Live, next};
use crate::catalog::{Record, SessionKey};
use crate::doors::link::close;
use crate::fanout::Hub;
use crate::identity::{AuditEvent, Identity, Rate};
use crate::limits;
use crate::session::Inspection;
use crate::session::command::{Begin, Command};
use crate::session::streams::Streams;
use crate::session::telemetry::Telemetry;
use crate::shared::Shared;
use crate::speech::Heard;
use crate::store::{MemoryStore, Restored, Store};

/// The span of all that a session logs. Its id is a credential where there are no tokens, so only a part is shown.
pub(crate) fn span(session: SessionId, identity: &Identity) -> Span {
    let id = session.to_string();
    info_span!("session", id = &id[..8], %identity, trace = tracing::field::Empty)
}

/// Runs a session from its first connection, or its discovery, to its end.
pub(crate) async fn run(
    shared: Arc<Shared>,
    session: SessionId,
    begin: Begin,
    mut inbox: mpsc::Receiver<Command>,
) {
    let (heard_by, mut heard) = mpsc::unbounded_channel();
    let found = matches!(begin, Begin::Found(..));
    let mut actor = match begin {
        Begin::New(identity) => Actor::new(&shared, session, identity, heard_by),
        Begin::Found(found, version) => Actor::found(&shared, *found, version, heard_by),
    };
    shared.mentra.began(session, &actor.identity, found);
    actor.live(&mut inbox, &mut heard).await;
    if let Some(why) = actor.over {
        actor.hub.over();
        let (frames, remote) = (actor.streams.left_over(), actor.streams.may_leave());
        let folder = actor.streams.over();
        if frames > 0 && folder.is_some() {
            shared.jobs.left_over(session, actor.link.epoch(), &actor.identity, remote, frames);
        }
        actor.record.over(why, folder);
        info!(why, "session over");
    }
    actor.telemetry.end(actor.link.sums(), actor.over.is_some());
    shared.registry.forget(session);
    if actor.over.is_some() {
        shared.mentra.over(session);
    }
    inbox.close();
    while let Some(command) = inbox.recv().await {
        // It came a moment too late; when it comes again it finds, or makes, a session.
        match command {
            Command::Attach(attach) => {
                shared.connections.spawn(close(attach.connection, CloseCode::GoingAway, None));
            }
            Command::Subscribe(subscribe) => subscribe.refuse(),
            Command::Renew(_)
            | Command::Display(_)
            | Command::App(_)
            | Command::Unsubscribe(_)
            | Command::Inspect(_)
            | Command::Restate
            | Command::End(..) => {}
        }
    }
}

struct Actor {
    shared: Arc<Shared>,
    /// Whose it is.
    identity: Identity,
    /// What that identity may send.
    rate: Option<Arc<Rate>>,
    /// More came than that: nothing more is read until then.
    reads_at: Option<Instant>,
    link: RelaySession,
    live: Option<Live>,
    /// The connection that a new one takes the place of.
    leaving: Option<Live>,
    streams: Streams,
    hub: Hub,
    stage: Stage,
    telemetry: Telemetry,
    record: Record,
    /// Why nobody will come back to it.
    over: Option<&'static str>,
    /// Who waits for the end.
    awaiting_end: Vec<oneshot::Sender<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    /// The relay stops: what the engine has is finished until then, and nothing new is taken.
    Finishing(Instant),
    Over,
}

impl Actor {
    fn new(
        shared: &Arc<Shared>,
        session: SessionId,
        identity: Identity,
        heard: mpsc::UnboundedSender<Box<Heard>>,
    ) -> Self {
        let epoch = shared.next_epoch();
        let store: Box<dyn Store> = match &shared.data {
            Some(data) => Box::new(data.create(session, &identity, epoch)),
            None => Box::new(MemoryStore::default()),
        };
        let link = RelaySession::new(shared.config(epoch, store.durability()), session, shared.clock.now());
        let hub = Hub::new(Arc::clone(&shared.pool));
        let streams = Streams::new(store, shared.speech.clone(), heard);
        let record = shared.record(SessionKey { id: session, epoch }, &identity, None);
        Self::with(shared, identity, link, streams, hub, record)
    }

    fn found(
        shared: &Arc<Shared>,
        found: Restored,
        version: u64,
        heard: mpsc::UnboundedSender<Box<Heard>>,
    ) -> Self {
        let key = SessionKey { id: found.session, epoch: found.epoch };
        let record = shared.record(key, &found.identity, Some(version));
        let mut streams = Streams::new(Box::new(found.store), shared.speech.clone(), heard);
        streams.allow_remote_speech(found.remote_speech);
        let mut hub = Hub::new(Arc::clone(&shared.pool));
        for stream in &found.link.streams {
            if stream.ended.is_none() {
                hub.resume(&stream.start);
            }
            let settled = found.settled.get(&stream.start.stream).copied().unwrap_or(stream.transcribed);
            streams.resume(stream, settled, !found.is_whole);
        }
        let config = shared.config(found.epoch, Durability::Disk);
        let now = shared.clock.now();
        let link = RelaySession::restore(config, found.session, now, found.link);
        info!(next_event = link.next_event().0, "session found");
        Self::with(shared, found.identity, link, streams, hub, record)
    }

    fn with(
        shared: &Arc<Shared>,
        identity: Identity,
        link: RelaySession,
        streams: Streams,
        hub: Hub,
        record: Record,
    ) -> Self {
        let shared = Arc::clone(shared);
        let stage = Stage::Running;
        let telemetry = Telemetry::begin(link.sums());
        let rate = shared.quotas.rate(&identity);
        let mut actor = Self {
            shared,
            identity,
            rate,
            reads_at: None,
            link,
            live: None,
            leaving: None,
            streams,
            hub,
            stage,
            telemetry,
            record,
            over: None,
            awaiting_end: Vec::new(),
        };
        actor.work();
        actor
    }

    async fn live(
        &mut self,
        inbox: &mut mpsc::Receiver<Command>,
        heard: &mut mpsc::UnboundedReceiver<Box<Heard>>,
    ) {
        let draining = self.shared.draining.clone();
        let mut draining = pin!(draining.cancelled());
        let mut engine = pin!(changed(self.shared.speech.status.clone()));
        let mut credentials = pin!(changed(self.shared.credentials.changes()));
        let mut timer = pin!(sleep_until(Instant::now()));
        while self.stage != Stage::Over {
            let due = self.due();
            if let Some(due) = due
                && due != timer.deadline()
            {
                timer.as_mut().reset(due);
            }
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(command) => self.command(command),
                    None => break,
                },
                incoming = next(&mut self.live), if self.reads_at.is_none() => self.incoming(incoming),
                Some(heard) = heard.recv() => self.hear(*heard),
                status = &mut engine => {
                    let message = status.borrow().message.clone();
                    self.record.note("engine", message);
                    self.streams.engine_changed();
                    engine.set(changed(status));
                }
                snapshot = &mut credentials => {
                    self.leave_if_revoked();
                    credentials.set(changed(snapshot));
                }
                () = &mut timer, if due.is_some() => self.timeout(),
                () = &mut draining, if self.stage == Stage::Running => self.finish(),
                () = yield_now(), if self.streams.is_hungry() => {}
            }
            self.work();
        }
    }

    /// Does what the session asks for, and what its streams want, until neither has anything more at once.
    fn work(&mut self) {
        self.act();
        self.streams.settle();
        let live = self.live.as_ref();
        self.streams.wants_partials =
            live.is_some_and(|live| live.connection.queued() < limits::QUEUED_FOR_PARTIALS);
        self.streams.work(self.now(), &mut self.link);
        self.act();
        self.streams.settle();
        self.hub.flush();
        for stream in self.hub.undecodable() {
            warn!(%stream, "its frames cannot be decoded; the client is asked for PCM");
            self.link.ask_for_pcm(stream);
            self.act();
        }
        if let Stage::Finishing(until) = self.stage
            && (!self.streams.is_busy() || self.live.is_none() || Instant::now() >= until)
        {
            let spread = self.shared.registry.restart_spread();
            self.link.restart(self.now(), limits::RESTART_PAUSE, spread);
            self.act();
            self.stage = Stage::Over;
        }
    }

    /// The relay stops. What is only in memory is gone with the process, so that its transcript is wanted now; what is
    /// on disk goes on where it was.
    fn finish(&mut self) {
        let durable = self.streams.is_durable();
        self.stage = Stage::Finishing(Instant::now() + if durable { Duration::ZERO } else { limits::FINISH });
        if !durable {
            self.streams.finish_early(&self.link);
        }
    }

    fn hear(&mut self, heard: Heard) {
        if let Some(partial) = self.streams.hear(self.now(), &mut self.link, heard) {
            self.hub.partial(&partial);
            if self.streams.wants_partials {
                self.link.partial(partial);
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// When something is to be done although nothing comes.
    fn due(&self) -> Option<Instant> {
        let link = self.link.poll_timeout().map(|at| self.shared.clock.instant(at));
        let stalled = self.live.as_ref().and_then(|live| live.connection.stalled_at());
        let finishing = match self.stage {
            Stage::Finishing(until) => Some(until),
            Stage::Running | Stage::Over => None,
        };
        let expires = self.live.as_ref().and_then(|live| live.until);
        link.into_iter()
            .chain(stalled)
            .chain(self.streams.due())
            .chain(finishing)
            .chain(expires)
            .chain(self.reads_at)
            .min()
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Attach(attach) => self.attach(*attach),
            Command::Renew(until) => self.renew(until),
            Command::Subscribe(subscribe) => self.hub.subscribe(&self.link, *subscribe),
            Command::Unsubscribe(unsubscribe) => self.hub.unsubscribe(&unsubscribe),
            Command::Display(display) => self.display(*display),
            Command::App(status) => self.link.app(*status),
            Command::Inspect(answer) => drop(answer.send(self.inspection())),
            Command::Restate => self.record.restate(),
            Command::End(report, ended) => {
                self.awaiting_end.push(ended);
                self.leave(CloseCode::Forbidden, Some(*report));
                self.stage = Stage::Over;
                self.over = Some("deleted");
            }
        }
    }

    fn timeout(&mut self) {
        self.reads_at.take_if(|at| *at <= Instant::now());
        self.link.handle_timeout(self.now());
        self.watch_connection();
    }

    fn inspection(&self) -> Inspection {
        Inspection {
            key: self.record.key(),
            row: self.record.row().clone(),
            last_event: self.link.next_event().0.saturating_sub(1),
            streams: self.link.sums().collect(),
            queued: self.live.as_ref().map(|live| live.connection.queued()),
            engine: self.streams.status(),
            formats: self.streams.formats(),
            capabilities: self.hub.capabilities().cloned(),
        }
    }

    fn display(&mut self, display: Display) {
        let (app, now) = (display.app.clone(), self.now());
        if let Err(error) = self.link.display(now, display) {
            warn!(app, %error, "not shown");
        }
    }

    /// Does what the session asks for.
    fn act(&mut self) {
        while let Some(action) = self.link.poll_action() {
            match action {
                RelayAction::SendText { attachment, text } => {
                    if let Some(connection) = self.connection(attachment) {
                        connection.send(text);
                    }
                }
                RelayAction::Close { attachment, code } => {
                    self.record.note("closed", format!("with code {}", code.code()));
                    if code == CloseCode::ProtocolError {
                        self.audit(AuditEvent::Malformed);
                    }
                    if let Some(connection) = self.take(attachment) {
                        self.shared.connections.spawn(close(connection, code, None));
                    }
                }
                RelayAction::Event(event) => self.event(event),
            }
        }
        self.leaving = None;
    }

    fn event(&mut self, event: RelayEvent) {
        Telemetry::event(&event);
        self.hub.event(&event);
        match event {
            RelayEvent::Opened(start) => {
                info!(stream = %start.stream, format = ?start.format, from = %start.from, "stream opened");
                self.record.opened(&start);
                self.streams.open(&start);
            }
            RelayEvent::Frames { stream, first, count, body } => {
                self.streams.frames(stream, first, count, &body);
            }
            RelayEvent::Gap(gap) => {
                info!(stream = %gap.stream, from = %gap.from, to = %gap.to, cause = ?gap.cause, "gap");
                self.record.gap(&gap);
                self.streams.gap(&gap);
            }
            RelayEvent::Ended { stream, at } => {
                info!(%stream, %at, "stream ended");
                self.record.ended(stream, at);
                self.streams.end(stream, at);
            }
            RelayEvent::Clock(mark) => {
                self.record.clock(&mark);
                self.streams.clock(&mark);
            }
            RelayEvent::Appended { number, event } => {
                self.streams.event(number, &event);
                self.record.event(number, &event);
            }
            RelayEvent::AudioStalled { stream, rearms, given_up } => {
                warn!(%stream, rearms, given_up, "the client's source gives no audio");
                self.record.note("audio_stalled", format!("stream {stream}, armed again {rearms} times"));
            }
            RelayEvent::RunApp { app, run } => self.shared.mentra.run_app(self.link.session(), &app, run),
            RelayEvent::Device(_) | RelayEvent::Capabilities(_) | RelayEvent::Attached => {}
            RelayEvent::Detached => {
                self.telemetry.frames(self.link.sums());
                self.record.detached();
                info!("detached");
            }
            RelayEvent::Bye => (self.stage, self.over) = (Stage::Over, Some("the client said good-bye")),
            RelayEvent::Expired => (self.stage, self.over) = (Stage::Over, Some("nobody came back")),
            RelayEvent::LedgerMismatch(sums) => {
                warn!(?sums, "the client's ledger does not balance");
                self.record.note("ledger_mismatch", format!("stream {}", sums.stream));
            }
        }
    }
}

/// Waits for another value, and gives the receiver back. Waiting goes on where it was, whatever else comes meanwhile;
/// for ever if there will be none.
async fn changed<T>(mut values: watch::Receiver<T>) -> watch::Receiver<T> {
    if values.changed().await.is_err() {
        pending::<()>().await;
    }
    values
}

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use glasslink_protocol::{Cause, CloseCode, Durability, SessionId};
use glasslink_session::{
    AttachError, Attachment, Hello, RelayAction, RelayConfig, RelayEvent, RelaySession, Timestamp,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{Span, debug, info, info_span, warn};

use crate::auth::Identity;
use crate::doors::link::{Connection, Incoming, close};
use crate::limits;
use crate::shared::Shared;

/// A connection whose `hello` names this session.
pub(crate) struct Attach {
    pub(crate) hello: Hello,
    pub(crate) connection: Connection,
}

/// The span of all that a session logs. Its id is a credential where there are no tokens, so only a part is shown.
pub(crate) fn span(session: SessionId, identity: &Identity) -> Span {
    let id = session.to_string();
    info_span!("session", id = &id[..8], %identity)
}

/// Runs a session from its first connection to its end.
pub(crate) async fn run(shared: Arc<Shared>, session: SessionId, inbox: mpsc::Receiver<Attach>) {
    let mut actor = Actor::new(Arc::clone(&shared), session);
    let mut inbox = actor.live(inbox).await;
    shared.registry.forget(session);
    inbox.close();
    while let Some(Attach { connection, .. }) = inbox.recv().await {
        // It came a moment too late; when it comes again it finds, or makes, a session.
        shared.connections.spawn(close(connection, CloseCode::GoingAway, None));
    }
    info!("session over");
}

struct Actor {
    shared: Arc<Shared>,
    link: RelaySession,
    live: Option<Live>,
    /// The connection that a new one takes the place of.
    leaving: Option<Live>,
    over: bool,
}

struct Live {
    attachment: Attachment,
    connection: Connection,
}

impl Actor {
    fn new(shared: Arc<Shared>, session: SessionId) -> Self {
        let config = RelayConfig {
            keep: shared.keep,
            relay: Shared::name(),
            ..RelayConfig::new(shared.next_epoch(), Durability::Memory)
        };
        let link = RelaySession::new(config, session, shared.clock.now());
        Self { shared, link, live: None, leaving: None, over: false }
    }

    async fn live(&mut self, mut inbox: mpsc::Receiver<Attach>) -> mpsc::Receiver<Attach> {
        let draining = self.shared.draining.clone();
        let mut draining = pin!(draining.cancelled());
        let mut timer = pin!(sleep_until(Instant::now()));
        while !self.over {
            let due = self.due();
            if let Some(due) = due
                && due != timer.deadline()
            {
                timer.as_mut().reset(due);
            }
            tokio::select! {
                attach = inbox.recv() => match attach {
                    Some(attach) => self.attach(attach),
                    None => break,
                },
                incoming = next(&mut self.live) => self.incoming(incoming),
                () = &mut timer, if due.is_some() => self.timeout(),
                () = &mut draining => {
                    self.link.restart(self.now(), limits::RESTART_PAUSE, self.shared.registry.restart_spread());
                    self.over = true;
                }
            }
            self.act();
        }
        inbox
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// When something is to be done although nothing comes.
    fn due(&self) -> Option<Instant> {
        let link = self.link.poll_timeout().map(|at| self.shared.clock.instant(at));
        let stalled = self.live.as_ref().and_then(|live| live.connection.stalled_at());
        link.into_iter().chain(stalled).min()
    }

    fn attach(&mut self, Attach { hello, connection }: Attach) {
        match self.link.attach(self.now(), &hello) {
            Ok(attachment) => {
                self.leaving = self.live.replace(Live { attachment, connection });
                info!(client = hello.client, streams = hello.streams.len(), "attached");
            }
            Err(refused) => {
                debug!(%refused, "not attached");
                let report = match refused {
                    AttachError::Stale => None,
                    _ => Some(refused.cause().report()),
                };
                self.shared.connections.spawn(close(connection, refused.close_code(), report));
            }
        }
    }

    fn incoming(&mut self, incoming: Incoming) {
        let now = self.now();
        let Some(Live { attachment, .. }) = self.live else { return };
        match incoming {
            Incoming::Text(text) => self.link.text(now, attachment, &text),
            Incoming::Audio(message) => self.link.audio(now, attachment, &message),
            Incoming::Traffic => self.link.traffic(now, attachment),
            Incoming::TooLarge => {
                let report = glasslink_protocol::ErrorReport {
                    message: "a message was larger than the protocol allows".to_owned(),
                    ..Cause::ProtocolError.report()
                };
                self.leave(CloseCode::TooLarge, Some(report));
            }
            Incoming::Closed => self.leave(CloseCode::Normal, None),
            Incoming::Gone => {
                self.link.detach(now, attachment);
                self.live = None;
            }
        }
        if self.live.as_ref().is_some_and(|live| live.connection.is_stuck(Instant::now())) {
            self.give_up();
        }
    }

    fn timeout(&mut self) {
        self.link.handle_timeout(self.now());
        if self.live.as_ref().is_some_and(|live| live.connection.is_stuck(Instant::now())) {
            self.give_up();
        }
    }

    /// Drops a connection that takes nothing; a close would only join the queue.
    fn give_up(&mut self) {
        if let Some(Live { attachment, connection }) = self.live.take() {
            warn!(queued = connection.queued(), "the client takes nothing; connection dropped");
            self.link.detach(self.now(), attachment);
        }
    }

    fn leave(&mut self, code: CloseCode, report: Option<glasslink_protocol::ErrorReport>) {
        if let Some(Live { attachment, connection }) = self.live.take() {
            self.link.detach(self.now(), attachment);
            self.shared.connections.spawn(close(connection, code, report));
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
                    if let Some(connection) = self.take(attachment) {
                        self.shared.connections.spawn(close(connection, code, None));
                    }
                }
                RelayAction::Event(event) => self.event(event),
            }
        }
        self.leaving = None;
    }

    fn connection(&mut self, attachment: Attachment) -> Option<&mut Connection> {
        let both = self.live.iter_mut().chain(&mut self.leaving);
        both.into_iter().find(|live| live.attachment == attachment).map(|live| &mut live.connection)
    }

    fn take(&mut self, attachment: Attachment) -> Option<Connection> {
        let has = |live: &mut Live| live.attachment == attachment;
        let taken = self.live.take_if(has).or_else(|| self.leaving.take_if(has));
        taken.map(|live| live.connection)
    }

    fn event(&mut self, event: RelayEvent) {
        let now = self.now();
        match event {
            RelayEvent::Opened(start) => {
                info!(stream = %start.stream, format = ?start.format, from = %start.from, "stream opened");
            }
            RelayEvent::Frames { stream, first, count, .. } => {
                self.link.kept(now, stream, first + u64::from(count));
            }
            RelayEvent::Gap(gap) => {
                info!(stream = %gap.stream, from = %gap.from, to = %gap.to, cause = ?gap.cause, "gap");
                self.link.kept(now, gap.stream, gap.to);
            }
            RelayEvent::Ended { stream, at } => {
                info!(%stream, %at, "stream ended");
                self.link.transcribed(now, stream, at);
            }
            RelayEvent::Clock(_) | RelayEvent::Attached | RelayEvent::Appended { .. } => {}
            RelayEvent::Detached => info!("detached"),
            RelayEvent::Bye | RelayEvent::Expired => self.over = true,
            RelayEvent::LedgerMismatch(sums) => warn!(?sums, "the client's ledger does not balance"),
        }
    }
}

/// What the connection brings; never anything without one.
async fn next(live: &mut Option<Live>) -> Incoming {
    match live {
        Some(live) => live.connection.next().await,
        None => pending().await,
    }
}

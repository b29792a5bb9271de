use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use glasslink_protocol::{Cause, CloseCode, TranscriptEvent};
use glasslink_session::{Action, ClientSession, ConnectionId, Event, LinkState};
use tokio::time::{Instant, Sleep};
use tracing::{debug, warn};

use crate::awareness::{Awareness, Clocks, Nudge};
use crate::connection::{Chooser, Connector, Failure, Incoming, Socket, Transport, keep_renewed};
use crate::shared::Shared;
use crate::telemetry::NudgedBy;

/// Messages read in a row before timers get a look.
const READS_IN_A_ROW: u32 = 128;

/// How long a closing link waits for a slow disk to take what the relay said.
const JOURNAL_TIMEOUT: Duration = Duration::from_secs(2);

/// The one task of a link. It does what the session says and tells it what came of it; it decides nothing.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    connector: Arc<Connector>,
    chooser: Chooser,
    connection: Connection,
    /// Tries WebSocket while HTTP carries the link.
    retry: Option<Pin<Box<dyn Future<Output = Option<Socket>> + Send>>>,
    /// Keeps the credentials of the open connection good.
    renewal: Option<Pin<Box<dyn Future<Output = Infallible> + Send>>>,
    /// A WebSocket for the next attempt.
    spare: Option<Socket>,
    /// The last connection's goodbye.
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    awareness: Awareness,
    clocks: Clocks,
    timer: Pin<Box<Sleep>>,
    actions: Vec<Action>,
    reads: u32,
    sampled_at: Option<Instant>,
}

enum Connection {
    None,
    Opening {
        id: ConnectionId,
        transport: Transport,
        attempt: Attempt,
    },
    /// `worked`: something that the relay said has come.
    Open {
        id: ConnectionId,
        socket: Box<Socket>,
        worked: bool,
    },
}

type Attempt = Pin<Box<dyn Future<Output = Result<Socket, Failure>> + Send>>;

enum Wake {
    Opened(ConnectionId, Box<Socket>),
    Incoming(ConnectionId, Incoming),
    Failed(ConnectionId, Failure),
    Closed,
    /// WebSocket was tried beside HTTP.
    Retried(Option<Box<Socket>>),
    Called,
    Nudged(Nudge),
    Timer,
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        connector: Connector,
        chooser: Chooser,
        awareness: Awareness,
    ) -> Self {
        Self {
            shared,
            connector: Arc::new(connector),
            chooser,
            connection: Connection::None,
            retry: None,
            renewal: None,
            spare: None,
            closing: None,
            awareness,
            clocks: Clocks::now(),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            actions: Vec::new(),
            reads: 0,
            sampled_at: None,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            self.act();
            let state = self.shared.look(ClientSession::state);
            if state == LinkState::Closed && self.closing.is_none() {
                if let Some(keeper) = &self.shared.keeper {
                    let _ = tokio::time::timeout(JOURNAL_TIMEOUT, keeper.written()).await;
                }
                return;
            }
            // What was sent to us is read before the timer says that nothing was.
            let wake = tokio::select! {
                biased;
                wake = self.connection.next() => wake,
                () = finished(&mut self.closing) => Wake::Closed,
                never = finished(&mut self.renewal) => match never {},
                socket = finished(&mut self.retry) => Wake::Retried(socket.map(Box::new)),
                () = self.shared.wake.notified() => Wake::Called,
                nudge = self.awareness.next(is_down(state)) => Wake::Nudged(nudge),
                () = &mut self.timer => Wake::Timer,
            };
            self.take(wake);
        }
    }

    fn take(&mut self, wake: Wake) {
        let reads = std::mem::take(&mut self.reads);
        let late = Instant::now().saturating_duration_since(self.timer.deadline());
        if let Some(asleep) = self.clocks.slept(late) {
            self.shared.note(|notes, now| notes.woke(now, asleep));
            self.shared.drive(ClientSession::network_changed);
        }
        match wake {
            Wake::Opened(id, socket) => {
                if socket.transport() == Transport::Http {
                    self.retry_websocket();
                }
                self.set(Connection::Open { id, socket, worked: false });
                self.renewal = self.connector.credentials.is_some().then(|| self.keep_renewed());
                self.shared.drive(|session, now| session.opened(now, id));
            }
            Wake::Incoming(id, incoming) => {
                self.reads = reads + 1;
                self.incoming(id, &incoming);
            }
            Wake::Failed(id, failure) => self.failed(id, &failure),
            Wake::Closed => self.closing = None,
            Wake::Retried(socket) => {
                self.chooser.retried(Instant::now());
                match socket {
                    Some(socket) => self.unblocked(*socket),
                    None => self.retry_websocket(),
                }
            }
            Wake::Called | Wake::Nudged(Nudge::Look) => {}
            Wake::Nudged(Nudge::NetworkUp) => {
                self.shared.note(|notes, now| notes.network_up(now, NudgedBy::System));
                self.shared.drive(ClientSession::network_changed);
            }
            Wake::Timer => self.shared.drive(ClientSession::handle_timeout),
        }
    }

    fn incoming(&mut self, id: ConnectionId, incoming: &Incoming) {
        if let Connection::Open { socket, worked, .. } = &mut self.connection
            && !*worked
            && matches!(incoming, Incoming::Text(_))
        {
            *worked = true;
            self.chooser.worked(socket.transport());
        }
        let understood = self.shared.drive(|session, now| match incoming {
            Incoming::Text(text) => session.text(now, id, text),
            Incoming::Traffic => {
                session.traffic(now, id);
                Ok(())
            }
        });
        if let Err(error) = understood {
            warn!(%error, "message from the relay");
        }
        if self.reads == READS_IN_A_ROW {
            self.reads = 0;
            self.shared.drive(ClientSession::handle_timeout);
        }
    }

    fn failed(&mut self, id: ConnectionId, failure: &Failure) {
        debug!(cause = %failure.cause.code(), detail = %failure.detail, "connection");
        self.note_failure(failure);
        self.set(Connection::None);
        let cause = match failure.cause {
            Cause::Unauthorized if self.connector.refused() => Cause::Reset,
            cause => cause,
        };
        self.shared.drive(|session, now| session.closed(now, id, cause, failure.retry_after));
    }

    /// The connection's failure says how the next one is made, unless the relay has spoken over it.
    fn note_failure(&mut self, failure: &Failure) {
        if let Some(transport) = self.connection.unproven() {
            self.chooser.failed(transport, failure, Instant::now());
        }
    }

    fn set(&mut self, connection: Connection) -> Connection {
        let carried = connection.carried();
        if carried != Some(Transport::Http) {
            self.retry = None;
        }
        self.renewal = None;
        self.shared.transport.send_if_modified(|last| std::mem::replace(last, carried) != carried);
        std::mem::replace(&mut self.connection, connection)
    }

    fn keep_renewed(&self) -> Pin<Box<dyn Future<Output = Infallible> + Send>> {
        let session = self.shared.look(ClientSession::session);
        let changed = Arc::clone(&self.shared.new_credentials);
        Box::pin(keep_renewed(Arc::clone(&self.connector), session, changed))
    }

    fn retry_websocket(&mut self) {
        let connector = Arc::clone(&self.connector);
        self.retry = self.chooser.retry_at().map(|at| -> Pin<Box<dyn Future<Output = _> + Send>> {
            Box::pin(async move {
                tokio::time::sleep_until(at).await;
                connector.retry_websocket().await
            })
        });
    }

    /// Leaves the connection over HTTP for `socket`, as if it had been cut: the session resumes over the other.
    fn unblocked(&mut self, socket: Socket) {
        self.retry = None;
        if let Connection::Open { id, .. } = self.connection {
            debug!("WebSocket works again");
            self.spare = Some(socket);
            self.shared.drive(|session, now| session.closed(now, id, Cause::Reset, None));
        }
    }

    /// Does everything the session wants, and sets the timer for what it wants later.
    fn act(&mut self) {
        let due = loop {
            let due = self.shared.drain(&mut self.actions);
            if self.actions.is_empty() {
                break due;
            }
            let mut actions = std::mem::take(&mut self.actions);
            for action in actions.drain(..) {
                self.perform(action);
            }
            self.actions = actions;
        };
        let sample = self.shared.sample(&mut self.sampled_at);
        let due = due.into_iter().chain(sample).min();
        let due = due.unwrap_or_else(|| Instant::now() + IDLE);
        if self.timer.deadline() != due || self.timer.is_elapsed() {
            self.timer.as_mut().reset(due);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Connect { connection: id } => {
                let (transport, attempt) = self.attempt();
                self.shared.note(|notes, now| notes.attempt(now, transport));
                self.set(Connection::Opening { id, transport, attempt });
            }
            Action::Close { connection, code } => self.close(connection, code),
            Action::SendText { connection, text } => {
                let text = self.shared.trace.say_in(text);
                self.send(connection, |socket| socket.send_text(text));
            }
            Action::SendAudio { connection, message } => {
                self.send(connection, |socket| socket.send_audio(message));
            }
            Action::Fetch { stream, from, to } => match &self.shared.keeper {
                Some(keeper) => keeper.fetch(stream, from..to),
                None => self.shared.drive(|session, now| session.fetch_failed(now, stream, from, to)),
            },
            Action::Event(event) => {
                log(&event);
                self.shared.tell(&event);
            }
        }
    }

    fn attempt(&mut self) -> (Transport, Attempt) {
        if let Some(socket) = self.spare.take() {
            return (socket.transport(), Box::pin(std::future::ready(Ok(socket))));
        }
        let (transport, connector) = (self.chooser.next(), Arc::clone(&self.connector));
        (transport, Box::pin(async move { connector.connect(transport).await }))
    }

    fn send(&mut self, connection: ConnectionId, send: impl FnOnce(&mut Socket) -> Result<(), Failure>) {
        if let Connection::Open { id, socket, .. } = &mut self.connection
            && *id == connection
            && let Err(failure) = send(socket)
        {
            self.failed(connection, &failure);
        }
    }

    fn close(&mut self, connection: ConnectionId, code: CloseCode) {
        if self.connection.id() != Some(connection) {
            return;
        }
        if matches!(self.connection, Connection::Open { .. }) {
            // Opened, and then not a word in the time of the attempt.
            self.note_failure(&Failure::blocked(Cause::Timeout, "no welcome"));
        }
        if let Connection::Open { socket, .. } = self.set(Connection::None) {
            self.closing = Some(Box::pin(socket.close(code)));
        }
    }
}

/// What happened, for whoever follows a frame: numbers, and not a word of what was said.
fn log(event: &Event) {
    match event {
        Event::State(state) => debug!(state = state.name(), "link"),
        Event::Gap(gap) => {
            debug!(stream = %gap.stream, from = %gap.from, to = %gap.to, cause = ?gap.cause, "gap");
        }
        Event::Transcript { number, event: TranscriptEvent::Final(settled), .. } => {
            debug!(number = number.0, stream = %settled.stream, from = %settled.from, to = %settled.to, "transcribed");
        }
        Event::Continued { stream, at, by } => debug!(%stream, %at, %by, "stream continued"),
        _ => {}
    }
}

/// Without anything to wait for, the timer is set this far.
const IDLE: Duration = Duration::from_hours(24);

/// Whether the link tries to be live, and is not.
fn is_down(state: LinkState) -> bool {
    matches!(state, LinkState::Connecting { .. } | LinkState::Resuming { .. } | LinkState::Waiting { .. })
}

impl Connection {
    fn id(&self) -> Option<ConnectionId> {
        match self {
            Self::None => None,
            Self::Opening { id, .. } | Self::Open { id, .. } => Some(*id),
        }
    }

    /// What carries messages over it.
    fn carried(&self) -> Option<Transport> {
        match self {
            Self::Open { socket, .. } => Some(socket.transport()),
            _ => None,
        }
    }

    /// What it was tried with, as long as nothing has come over it.
    fn unproven(&self) -> Option<Transport> {
        match self {
            Self::Opening { transport, .. } => Some(*transport),
            Self::Open { socket, worked: false, .. } => Some(socket.transport()),
            _ => None,
        }
    }

    /// What happens next on the connection. Cancel safe: nothing is taken before it is returned.
    async fn next(&mut self) -> Wake {
        match self {
            Self::None => std::future::pending().await,
            Self::Opening { id, attempt, .. } => match attempt.await {
                Ok(socket) => Wake::Opened(*id, Box::new(socket)),
                Err(failure) => Wake::Failed(*id, failure),
            },
            Self::Open { id, socket, .. } => {
                match std::future::poll_fn(|cx| socket.poll_incoming(cx)).await {
                    Ok(incoming) => Wake::Incoming(*id, incoming),
                    Err(failure) => Wake::Failed(*id, failure),
                }
            }
        }
    }
}

/// What comes of `future`, if there is one. Cancel safe.
async fn finished<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

impl Drop for Driver {
    /// However the task ends, nobody waits for it for ever.
    fn drop(&mut self) {
        self.shared.end();
    }
}

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use glasslink_protocol::CloseCode;
use glasslink_session::{Action, ClientSession, ConnectionId, LinkState};
use tokio::time::{Instant, Sleep};

use crate::connection::{Connector, Failure, Incoming, Socket};
use crate::shared::Shared;

/// Messages read in a row before timers get a look.
const READS_IN_A_ROW: u32 = 128;

/// How long a closing link waits for a slow disk to take what the relay said.
const JOURNAL_TIMEOUT: Duration = Duration::from_secs(2);

/// The one task of a link. It does what the session says and tells it what came of it; it decides nothing.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    connector: Arc<Connector>,
    connection: Connection,
    /// The last connection's goodbye.
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    timer: Pin<Box<Sleep>>,
    actions: Vec<Action>,
    reads: u32,
    sampled_at: Option<Instant>,
}

enum Connection {
    None,
    Opening { id: ConnectionId, attempt: Pin<Box<dyn Future<Output = Result<Socket, Failure>> + Send>> },
    Open { id: ConnectionId, socket: Box<Socket> },
}

enum Wake {
    Opened(ConnectionId, Box<Socket>),
    Incoming(ConnectionId, Incoming),
    Failed(ConnectionId, Failure),
    Closed,
    Called,
    Timer,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, connector: Connector) -> Self {
        Self {
            shared,
            connector: Arc::new(connector),
            connection: Connection::None,
            closing: None,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            actions: Vec::new(),
            reads: 0,
            sampled_at: None,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            self.act();
            let over = self.shared.look(ClientSession::state) == LinkState::Closed;
            if over && self.closing.is_none() {
                if let Some(keeper) = &self.shared.keeper {
                    let _ = tokio::time::timeout(JOURNAL_TIMEOUT, keeper.written()).await;
                }
                return;
            }
            // What was sent to us is read before the timer says that nothing was.
            let wake = tokio::select! {
                biased;
                wake = self.connection.next() => wake,
                () = goodbye(&mut self.closing) => Wake::Closed,
                () = self.shared.wake.notified() => Wake::Called,
                () = &mut self.timer => Wake::Timer,
            };
            self.take(wake);
        }
    }

    fn take(&mut self, wake: Wake) {
        let reads = std::mem::take(&mut self.reads);
        match wake {
            Wake::Opened(id, socket) => {
                self.connection = Connection::Open { id, socket };
                self.shared.drive(|session, now| session.opened(now, id));
            }
            Wake::Incoming(id, incoming) => {
                self.reads = reads + 1;
                self.incoming(id, &incoming);
            }
            Wake::Failed(id, failure) => self.failed(id, &failure),
            Wake::Closed => self.closing = None,
            Wake::Called => {}
            Wake::Timer => self.shared.drive(ClientSession::handle_timeout),
        }
    }

    fn incoming(&mut self, id: ConnectionId, incoming: &Incoming) {
        let understood = self.shared.drive(|session, now| match incoming {
            Incoming::Text(text) => session.text(now, id, text),
            Incoming::Traffic => {
                session.traffic(now, id);
                Ok(())
            }
        });
        if let Err(error) = understood {
            tracing::warn!(%error, "message from the relay");
        }
        if self.reads == READS_IN_A_ROW {
            self.reads = 0;
            self.shared.drive(ClientSession::handle_timeout);
        }
    }

    fn failed(&mut self, id: ConnectionId, failure: &Failure) {
        tracing::debug!(cause = %failure.cause.code(), detail = %failure.detail, "connection");
        self.connection = Connection::None;
        self.shared.drive(|session, now| session.closed(now, id, failure.cause, failure.retry_after));
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
                let connector = Arc::clone(&self.connector);
                let attempt = Box::pin(async move { connector.connect().await });
                self.connection = Connection::Opening { id, attempt };
            }
            Action::Close { connection, code } => self.close(connection, code),
            Action::SendText { connection, text } => self.send(connection, |socket| socket.send_text(text)),
            Action::SendAudio { connection, message } => {
                self.send(connection, |socket| socket.send_audio(message));
            }
            Action::Fetch { stream, from, to } => match &self.shared.keeper {
                Some(keeper) => keeper.fetch(stream, from..to),
                None => self.shared.drive(|session, now| session.fetch_failed(now, stream, from, to)),
            },
            Action::Event(event) => self.shared.tell(&event),
        }
    }

    fn send(&mut self, connection: ConnectionId, send: impl FnOnce(&mut Socket) -> Result<(), Failure>) {
        if let Connection::Open { id, socket } = &mut self.connection
            && *id == connection
            && let Err(failure) = send(socket)
        {
            self.failed(connection, &failure);
        }
    }

    fn close(&mut self, connection: ConnectionId, code: CloseCode) {
        match std::mem::replace(&mut self.connection, Connection::None) {
            Connection::Open { id, socket } if id == connection => {
                self.closing = Some(Box::pin(socket.close(code)));
            }
            Connection::Opening { id, .. } if id == connection => {}
            other => self.connection = other,
        }
    }
}

/// Without anything to wait for, the timer is set this far.
const IDLE: Duration = Duration::from_hours(24);

impl Connection {
    /// What happens next on the connection. Cancel safe: nothing is taken before it is returned.
    async fn next(&mut self) -> Wake {
        match self {
            Self::None => std::future::pending().await,
            Self::Opening { id, attempt } => match attempt.await {
                Ok(socket) => Wake::Opened(*id, Box::new(socket)),
                Err(failure) => Wake::Failed(*id, failure),
            },
            Self::Open { id, socket } => match std::future::poll_fn(|cx| socket.poll_incoming(cx)).await {
                Ok(incoming) => Wake::Incoming(*id, incoming),
                Err(failure) => Wake::Failed(*id, failure),
            },
        }
    }
}

async fn goodbye(closing: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    match closing {
        Some(closing) => closing.await,
        None => std::future::pending().await,
    }
}

impl Drop for Driver {
    /// However the task ends, nobody waits for it for ever.
    fn drop(&mut self) {
        self.shared.end();
    }
}

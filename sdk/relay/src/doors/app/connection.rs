use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use glasslink_protocol::{
    AppEvent, AppMessage, Cause, CloseCode, ClosedReason, Display, ErrorReport, MAX_LISTED_SESSIONS,
    SubscriptionId,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info};

use super::Outbox;
use super::limits;
use super::outbox::FromApp;
use crate::fanout::{Subscribe, Unsubscribe};
use crate::identity::{Grant, Identity};
use crate::limits::CLOSING;
use crate::server::{Place, Transport};
use crate::session::Command;
use crate::shared::Shared;

/// Takes the upgraded connection over; what serves it is a task of its own, and a small one.
pub(super) async fn open(shared: Arc<Shared>, grant: Grant, upgraded: OnUpgrade, place: Place) {
    let Ok(upgraded) = upgraded.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Transport>>() else { return };
    let outbox = Outbox::new(parts.io.into_inner(), &parts.read_buf, place).await;
    let app =
        App { shared: Arc::clone(&shared), identity: grant.identity, outbox, subscriptions: HashMap::new() };
    shared.connections.spawn(app.serve(grant.until));
}

struct App {
    shared: Arc<Shared>,
    identity: Identity,
    outbox: Arc<Outbox>,
    subscriptions: HashMap<SubscriptionId, mpsc::Sender<Command>>,
}

/// Why a connection ends, if the app is to be told.
type End = Option<(CloseCode, Option<ErrorReport>)>;

impl App {
    async fn serve(mut self, until: Option<Instant>) {
        debug!(identity = %self.identity, "app connected");
        if let Some((code, report)) = self.listen(until).await {
            let farewell = async {
                if let Some(report) = report {
                    self.outbox.deliver(|queue| queue.control(&AppEvent::Error(report)));
                }
                self.outbox.close(code).await;
            };
            let _ = timeout(CLOSING, Box::pin(farewell)).await;
        }
        self.outbox.over();
        for (subscription, session) in self.subscriptions.drain() {
            let outbox = Arc::clone(&self.outbox);
            // A session that is gone has forgotten it already.
            let _ = session.send(Command::Unsubscribe(Unsubscribe { subscription, outbox })).await;
        }
        debug!(identity = %self.identity, "app gone");
    }

    async fn listen(&mut self, until: Option<Instant>) -> End {
        let draining = self.shared.draining.clone();
        let (shared, identity) = (Arc::clone(&self.shared), self.identity.clone());
        let mut revoked = pin!(shared.credentials.revoked(&identity));
        let mut look = Instant::now() + limits::PING;
        loop {
            let due = until.map_or(look, |until| until.min(look));
            let incoming = tokio::select! {
                incoming = self.outbox.next() => incoming,
                () = draining.cancelled() => return Some((CloseCode::Restarting, None)),
                () = &mut revoked => {
                    return Some((CloseCode::Unauthorized, Some(Cause::Unauthorized.report())));
                }
                () = sleep_until(due) => {
                    let now = Instant::now();
                    if until.is_some_and(|until| now >= until) {
                        return Some((CloseCode::Unauthorized, Some(Cause::Unauthorized.report())));
                    }
                    let alive_at = self.outbox.alive_at();
                    if now >= alive_at + limits::LOST {
                        info!(identity = %self.identity, "the app takes and says nothing; connection dropped");
                        return None;
                    }
                    if now >= alive_at + limits::PING {
                        self.outbox.ping();
                    }
                    look = now + limits::PING;
                    continue;
                }
            };
            match incoming {
                FromApp::Text(text) => match AppMessage::decode(&text) {
                    Ok(message) => Box::pin(self.message(message)).await,
                    Err(error) => return Some(protocol_error(&error.to_string())),
                },
                FromApp::Traffic => {}
                FromApp::Audio => {
                    return Some(protocol_error("an app has no part in a session: it sends no audio"));
                }
                FromApp::TooLarge => return Some((CloseCode::TooLarge, None)),
                FromApp::Overrun => {
                    info!(identity = %self.identity, "the app is too far behind; connection closed");
                    return Some((CloseCode::Overloaded, Some(Cause::Overloaded.report())));
                }
                FromApp::Gone => return None,
            }
        }
    }

    async fn message(&mut self, message: AppMessage) {
        match message {
            AppMessage::Sessions { after } => {
                let mut sessions =
                    self.shared.registry.visible(&self.identity, after, MAX_LISTED_SESSIONS + 1);
                let more = sessions.len() > MAX_LISTED_SESSIONS;
                sessions.truncate(MAX_LISTED_SESSIONS);
                self.tell(&AppEvent::Sessions { sessions, more });
            }
            AppMessage::Subscribe { subscription, session, want, epoch, since } => {
                let known = self.subscriptions.get(&subscription).is_some_and(|session| !session.is_closed());
                if known || self.subscriptions.len() >= limits::SUBSCRIPTIONS {
                    return self.closed(subscription, ClosedReason::Refused);
                }
                let Some(commands) = self.shared.registry.commands(&self.identity, session) else {
                    return self.closed(subscription, ClosedReason::NotFound);
                };
                let outbox = Arc::clone(&self.outbox);
                let subscribe = Subscribe { subscription, want, epoch, since, outbox };
                match command(&commands, Command::Subscribe(Box::new(subscribe))).await {
                    Ok(()) => {
                        self.subscriptions.insert(subscription, commands);
                    }
                    Err(reason) => self.closed(subscription, reason),
                }
            }
            AppMessage::Unsubscribe { subscription } => {
                let Some(session) = self.subscriptions.remove(&subscription) else {
                    return self.closed(subscription, ClosedReason::NotFound);
                };
                let outbox = Arc::clone(&self.outbox);
                // The session says the last word; one that is over has said it.
                let _ = session.send(Command::Unsubscribe(Unsubscribe { subscription, outbox })).await;
            }
            AppMessage::Display { session, view, layout, duration_ms } => {
                let app = self.identity.to_string();
                let display = Display { app, view, layout, duration_ms };
                // An app that may not see the session does not learn whether it is there.
                if let Some(commands) = self.shared.registry.commands(&self.identity, session) {
                    let _ = command(&commands, Command::Display(Box::new(display))).await;
                }
            }
            AppMessage::Ping { id } => self.tell(&AppEvent::Pong { id }),
            AppMessage::Unknown => {}
        }
    }

    fn closed(&self, subscription: SubscriptionId, reason: ClosedReason) {
        self.tell(&AppEvent::Closed { subscription, reason });
    }

    fn tell(&self, event: &AppEvent) {
        self.outbox.deliver(|queue| queue.control(event));
    }
}

/// Hands a session a command. It keeps room for its client's: apps wait.
pub(crate) async fn command(session: &mpsc::Sender<Command>, command: Command) -> Result<(), ClosedReason> {
    let until = Instant::now() + limits::COMMAND;
    while session.capacity() <= limits::COMMANDS_SPARED && !session.is_closed() {
        if Instant::now() >= until {
            return Err(ClosedReason::Refused);
        }
        sleep(limits::COMMAND_RETRY).await;
    }
    session.try_send(command).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => ClosedReason::Refused,
        mpsc::error::TrySendError::Closed(_) => ClosedReason::NotFound,
    })
}

fn protocol_error(reason: &str) -> (CloseCode, Option<ErrorReport>) {
    let report = ErrorReport { message: reason.to_owned(), ..Cause::ProtocolError.report() };
    (CloseCode::ProtocolError, Some(report))
}

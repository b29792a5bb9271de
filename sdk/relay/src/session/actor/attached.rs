use std::future::pending;

use glasslink_protocol::{Cause, ClientMessage, CloseCode, ErrorReport};
use glasslink_session::{AttachError, Attachment};
use tokio::time::Instant;
use tracing::{Span, debug, info, warn};

use super::{Actor, Stage};
use crate::doors::link::{Connection, Incoming, close};
use crate::identity::{AuditEvent, AuditNote};
use crate::session::command::Attach;
use crate::session::telemetry::Telemetry;

/// The connection that a session's client has now.
pub(super) struct Live {
    pub(super) attachment: Attachment,
    pub(super) connection: Connection,
    /// When its credentials expire.
    pub(super) until: Option<Instant>,
}

impl Actor {
    pub(super) fn attach(&mut self, Attach { hello, connection, until, trace }: Attach) {
        if !self.shared.credentials.is_valid(&self.identity) {
            self.shared.connections.spawn(close(connection, CloseCode::Unauthorized, Some(revoked())));
            return;
        }
        match self.link.attach(self.now(), &hello) {
            Ok(attachment) => {
                self.streams.allow_remote_speech(hello.remote_speech);
                self.streams.holder((hello.holder, hello.attach));
                self.streams.client_knows(self.now(), &mut self.link, &hello.streams);
                self.leaving = self.live.replace(Live { attachment, connection, until });
                let client: String = hello.client.chars().take(64).collect();
                Span::current().record("trace", trace.as_str());
                info!(client, streams = hello.streams.len(), "attached");
                self.record.attached(&client, trace.as_str());
            }
            Err(refused) => {
                debug!(%trace, %refused, "not attached");
                Telemetry::refused(refused.cause());
                let report = match refused {
                    AttachError::Stale => None,
                    _ => Some(ErrorReport { trace: Some(trace.to_string()), ..refused.cause().report() }),
                };
                self.shared.connections.spawn(close(connection, refused.close_code(), report));
            }
        }
    }

    pub(super) fn renew(&mut self, until: Option<Instant>) {
        if let Some(live) = &mut self.live {
            live.until = until;
            debug!("credentials renewed");
        }
    }

    pub(super) fn incoming(&mut self, incoming: Incoming) {
        let now = self.now();
        let Some(Live { attachment, .. }) = self.live else { return };
        if let (Some(rate), Incoming::Audio(message)) = (&self.rate, &incoming) {
            self.reads_at = rate.came(message.len());
        }
        let incoming = if self.stage == Stage::Running { incoming } else { only_signs_of_life(incoming) };
        match incoming {
            Incoming::Text(text) => self.link.text(now, attachment, &text),
            Incoming::Audio(message) => self.link.audio(now, attachment, &message),
            Incoming::Traffic => self.link.traffic(now, attachment),
            Incoming::TooLarge => {
                self.audit(AuditEvent::TooLarge);
                let report = ErrorReport {
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

    /// Lets go of a connection that takes nothing, or whose credentials expired.
    pub(super) fn watch_connection(&mut self) {
        if self.live.as_ref().is_some_and(|live| live.connection.is_stuck(Instant::now())) {
            self.give_up();
        }
        if self.live.as_ref().and_then(|live| live.until).is_some_and(|until| Instant::now() >= until) {
            info!("the credentials expired");
            self.record.note("expired", "the credentials of its connection expired");
            self.leave(CloseCode::Unauthorized, Some(Cause::Unauthorized.report()));
        }
    }

    pub(super) fn audit(&self, event: AuditEvent) {
        let note = AuditNote::new(event).by(self.identity.clone()).saying("message");
        self.shared.credentials.audit().note(note);
    }

    /// Whoever was revoked is told how to come back.
    pub(super) fn leave_if_revoked(&mut self) {
        if self.live.is_some() && !self.shared.credentials.is_valid(&self.identity) {
            info!("revoked");
            self.leave(CloseCode::Unauthorized, Some(revoked()));
        }
    }

    /// Drops a connection that takes nothing; a close would only join the queue.
    fn give_up(&mut self) {
        if let Some(Live { attachment, connection, .. }) = self.live.take() {
            warn!(queued = connection.queued(), "the client takes nothing; connection dropped");
            self.record.note("stuck", "the client took nothing; its connection was dropped");
            Telemetry::stuck();
            self.link.detach(self.now(), attachment);
        }
    }

    pub(super) fn leave(&mut self, code: CloseCode, report: Option<ErrorReport>) {
        if let Some(Live { attachment, connection, .. }) = self.live.take() {
            let trace = Some(self.record.row().trace.clone());
            let report = report.map(|report| ErrorReport { trace, ..report });
            self.link.detach(self.now(), attachment);
            self.shared.connections.spawn(close(connection, code, report));
        }
    }

    pub(super) fn connection(&mut self, attachment: Attachment) -> Option<&mut Connection> {
        let both = self.live.iter_mut().chain(&mut self.leaving);
        both.into_iter().find(|live| live.attachment == attachment).map(|live| &mut live.connection)
    }

    pub(super) fn take(&mut self, attachment: Attachment) -> Option<Connection> {
        let has = |live: &mut Live| live.attachment == attachment;
        let taken = self.live.take_if(has).or_else(|| self.leaving.take_if(has));
        taken.map(|live| live.connection)
    }
}

fn revoked() -> ErrorReport {
    ErrorReport {
        message: "the relay no longer knows this device, or this token".to_owned(),
        ..Cause::Unauthorized.report()
    }
}

/// While the relay finishes, it takes nothing that it would have to answer for: what is not acknowledged comes again.
fn only_signs_of_life(incoming: Incoming) -> Incoming {
    match incoming {
        Incoming::Text(text) => match ClientMessage::decode(&text) {
            Ok(ClientMessage::Ping { .. } | ClientMessage::Bye) => Incoming::Text(text),
            _ => Incoming::Traffic,
        },
        Incoming::Audio(_) => Incoming::Traffic,
        other => other,
    }
}

/// What the connection brings; never anything without one.
pub(super) async fn next(live: &mut Option<Live>) -> Incoming {
    match live {
        Some(live) => live.connection.next().await,
        None => pending().await,
    }
}

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glasslink_protocol::{Cause, CloseCode, ErrorReport, SessionId};
use glasslink_session::Hello;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tracing::Instrument;

use crate::doors::link::{Connection, Trace, close};
use crate::identity::{AuditEvent, AuditNote, Grant, Identity, Of, Share};
use crate::limits;
use crate::session::{self, Attach, Begin, Command, Inspection};
use crate::shared::Shared;
use crate::store::Restored;

/// The sessions there are, and whose.
pub(crate) struct Registry {
    sessions: Mutex<HashMap<SessionId, Known>>,
    most: usize,
    /// A place for each connection.
    pub(crate) room: Arc<Semaphore>,
}

struct Known {
    identity: Identity,
    commands: mpsc::Sender<Command>,
    /// Of what its identity may have; one that was found goes on whatever others there are.
    _share: Option<Share>,
}

/// A connection that did not get its session.
pub(crate) struct Refused {
    connection: Connection,
    code: CloseCode,
    report: ErrorReport,
}

impl Registry {
    /// With at most `most` sessions.
    pub(crate) fn new(most: usize) -> Self {
        let room = Arc::new(Semaphore::new(limits::connections(most)));
        Self { sessions: Mutex::default(), most, room }
    }

    /// Hands a connection to the session it names, which is made if need be.
    pub(crate) fn attach(
        &self,
        shared: &Arc<Shared>,
        Grant { identity, until }: Grant,
        hello: Hello,
        trace: &Trace,
        connection: Connection,
    ) -> Result<(), Box<Refused>> {
        let refuse = |connection, code: CloseCode, cause: Cause| {
            let trace = Some(trace.to_string());
            Err(Box::new(Refused { connection, code, report: ErrorReport { trace, ..cause.report() } }))
        };
        if shared.draining.is_cancelled() {
            return refuse(connection, CloseCode::Restarting, Cause::Restarting);
        }
        let mut sessions = self.lock();
        let crowded = sessions.len() >= self.most || shared.memory.is_short();
        let known = match sessions.entry(hello.session) {
            Entry::Occupied(known) if known.get().identity != identity => {
                drop(sessions);
                shared.credentials.audit().note(AuditNote::new(AuditEvent::ForeignSession).by(identity));
                return refuse(connection, CloseCode::Forbidden, Cause::Forbidden);
            }
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if crowded => {
                drop(sessions);
                return refuse(connection, CloseCode::Overloaded, Cause::Overloaded);
            }
            Entry::Vacant(vacant) => {
                let Some(share) = shared.quotas.take(Of::Session, &identity) else {
                    drop(sessions);
                    let note = AuditNote::new(AuditEvent::LimitReached).by(identity).saying("sessions");
                    shared.credentials.audit().note(note);
                    return refuse(connection, CloseCode::RateLimited, Cause::RateLimited);
                };
                let (commands, inbox) = mpsc::channel(limits::COMMANDS);
                let begin = Begin::New(identity.clone());
                spawn(shared, hello.session, &identity, begin, inbox);
                vacant.insert(Known { identity, commands, _share: Some(share) })
            }
        };
        if let Ok(place) = known.commands.try_reserve() {
            place.send(Command::Attach(Box::new(Attach { hello, connection, until, trace: trace.clone() })));
            return Ok(());
        }
        drop(sessions);
        refuse(connection, CloseCode::Overloaded, Cause::Overloaded)
    }

    /// Lets the connection of a session live as long as `grant`.
    pub(crate) fn renew(&self, session: SessionId, grant: &Grant) -> Result<(), Cause> {
        let sessions = self.lock();
        let known = sessions.get(&session).ok_or(Cause::HttpStatus(404))?;
        if known.identity != grant.identity {
            return Err(Cause::Forbidden);
        }
        known.commands.try_send(Command::Renew(grant.until)).map_err(|_| Cause::Overloaded)
    }

    /// Goes on with a session that was found in the files.
    pub(crate) fn resume(&self, shared: &Arc<Shared>, found: Restored, version: u64) {
        let (commands, inbox) = mpsc::channel(limits::COMMANDS);
        let (session, identity) = (found.session, found.identity.clone());
        let mut sessions = self.lock();
        spawn(shared, session, &identity, Begin::Found(Box::new(found), version), inbox);
        let share = shared.quotas.take(Of::Session, &identity);
        sessions.insert(session, Known { identity, commands, _share: share });
    }

    /// The sessions that `identity` may see, in the order of their ids: the first `most` behind `after`.
    pub(crate) fn visible(
        &self,
        identity: &Identity,
        after: Option<SessionId>,
        most: usize,
    ) -> Vec<SessionId> {
        let sessions = self.lock();
        let visible = sessions.iter().filter(|(_, known)| identity.may_see(&known.identity));
        let mut visible: Vec<_> =
            visible.map(|(id, _)| *id).filter(|id| after.is_none_or(|after| *id > after)).collect();
        drop(sessions);
        visible.sort_unstable();
        visible.truncate(most);
        visible
    }

    /// Where a session takes commands that `identity` may see; `None` for all others.
    pub(crate) fn commands(&self, identity: &Identity, session: SessionId) -> Option<mpsc::Sender<Command>> {
        let sessions = self.lock();
        let known = sessions.get(&session).filter(|known| identity.may_see(&known.identity));
        known.map(|known| known.commands.clone())
    }

    /// Whose a session is that is not over.
    pub(crate) fn owner(&self, session: SessionId) -> Option<Identity> {
        self.lock().get(&session).map(|known| known.identity.clone())
    }

    /// The sessions there are, and whose.
    pub(crate) fn owners(&self) -> Vec<(SessionId, Identity)> {
        self.lock().iter().map(|(id, known)| (*id, known.identity.clone())).collect()
    }

    /// Forgets a session that is over. Connections handed to it before this are in its inbox; later ones make a new
    /// session.
    pub(crate) fn forget(&self, session: SessionId) {
        self.lock().remove(&session);
    }

    /// How a session is; `None` when it is not alive, or takes too long to say so.
    pub(crate) async fn inspect(&self, session: SessionId) -> Option<Inspection> {
        let commands = self.lock().get(&session)?.commands.clone();
        let (answer, answered) = oneshot::channel();
        let ask = async {
            commands.send(Command::Inspect(answer)).await.ok()?;
            answered.await.ok()
        };
        timeout(limits::INSPECT, ask).await.ok().flatten()
    }

    /// Asks a session to tell the catalogue again how it is.
    pub(crate) fn restate(&self, session: SessionId) {
        if let Some(known) = self.lock().get(&session) {
            // One that is too busy is asked again.
            let _ = known.commands.try_send(Command::Restate);
        }
    }

    /// Ends a session for good, and waits until nothing of it is left.
    pub(crate) async fn end(&self, session: SessionId, report: ErrorReport) {
        let commands = self.lock().get(&session).map(|known| known.commands.clone());
        let Some(commands) = commands else { return };
        let (ended, over) = oneshot::channel();
        if commands.send(Command::End(Box::new(report), ended)).await.is_ok() {
            let _ = over.await;
        }
    }

    /// The sessions there are.
    pub(crate) fn list(&self) -> Vec<SessionId> {
        self.lock().keys().copied().collect()
    }

    pub(crate) fn knows(&self, session: SessionId) -> bool {
        self.lock().contains_key(&session)
    }

    /// Forgets sessions whose task died, and says which.
    pub(crate) fn forget_dead(&self) -> Vec<SessionId> {
        let mut sessions = self.lock();
        let dead: Vec<_> =
            sessions.iter().filter(|(_, known)| known.commands.is_closed()).map(|(id, _)| *id).collect();
        for session in &dead {
            sessions.remove(session);
        }
        dead
    }

    /// How many sessions there are, attached or not.
    pub(crate) fn sessions(&self) -> usize {
        self.lock().len()
    }

    /// How many places for connections are taken.
    pub(crate) fn connections(&self) -> usize {
        limits::connections(self.most).saturating_sub(self.room.available_permits())
    }

    /// How long the return of all is spread over.
    pub(crate) fn restart_spread(&self) -> Duration {
        let sessions = u32::try_from(self.sessions()).unwrap_or(u32::MAX);
        limits::RESTART_SPREAD.saturating_mul(sessions).min(limits::RESTART_SPREAD_MOST)
    }

    /// Whether so many are connected that another connection has no chance.
    pub(crate) fn is_crowded(&self) -> bool {
        self.room.available_permits() <= limits::connections(self.most) / 10
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Known>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(
    shared: &Arc<Shared>,
    session: SessionId,
    identity: &Identity,
    begin: Begin,
    inbox: mpsc::Receiver<Command>,
) {
    let span = session::span(session, identity);
    shared.sessions.spawn(session::run(Arc::clone(shared), session, begin, inbox).instrument(span));
}

impl Refused {
    /// Why, for whoever says it in other words.
    pub(crate) fn cause(&self) -> Cause {
        CloseCode::cause(self.code.code())
    }

    /// Says why, and closes.
    pub(crate) async fn tell(self) {
        close(self.connection, self.code, Some(self.report)).await;
    }
}

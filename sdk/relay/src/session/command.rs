use glasslink_protocol::{AppStatus, Display, ErrorReport};
use glasslink_session::Hello;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::doors::link::{Connection, Trace};
use crate::fanout::{Subscribe, Unsubscribe};
use crate::identity::Identity;
use crate::session::Inspection;
use crate::store::Restored;

/// What a session is told from outside its connection. Small: room for as many as may wait is set aside.
pub(crate) enum Command {
    Attach(Box<Attach>),
    /// The connection may live until then.
    Renew(Option<Instant>),
    /// An app that may see the session wants something of it.
    Subscribe(Box<Subscribe>),
    Unsubscribe(Unsubscribe),
    /// An app that may see the session shows the wearer something.
    Display(Box<Display>),
    /// How an app is, for the wearer.
    App(Box<AppStatus>),
    /// Tells how it is.
    Inspect(oneshot::Sender<Inspection>),
    /// The catalogue does not have it as it is: it is told again.
    Restate,
    /// It ends, for good, and says so to its client; the other end is dropped when nothing of it is left.
    End(Box<ErrorReport>, oneshot::Sender<()>),
}

/// A connection whose `hello` names this session.
pub(crate) struct Attach {
    pub(crate) hello: Hello,
    pub(crate) connection: Connection,
    /// When its credentials expire.
    pub(crate) until: Option<Instant>,
    /// What the connection is called in logs.
    pub(crate) trace: Trace,
}

/// How a session begins.
pub(crate) enum Begin {
    New(Identity),
    /// It was found in the files. Its changes count on from there.
    Found(Box<Restored>, u64),
}

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

use crate::rule::How;

/// Events kept: an hour of a fault a second.
const MOST: usize = 50_000;

/// A connection, from 1 in the order they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ConnectionId(pub u64);

/// A rule, from 1 in the order they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct RuleId(pub u64);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// From 1, without holes.
    pub number: u64,
    /// Monotonic, since the proxy started.
    pub ms: f64,
    #[serde(skip)]
    pub at: Instant,
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The port takes connections, or no longer does.
    Listening {
        on: bool,
    },
    RuleAdded {
        rule: RuleId,
        fault: &'static str,
    },
    RuleRemoved {
        rule: RuleId,
    },
    Accepted {
        connection: ConnectionId,
    },
    /// A connection's first request, where the proxy can see it.
    Request {
        connection: ConnectionId,
        method: String,
        host: String,
        path: String,
        upgrade: bool,
    },
    /// Upstream took the connection.
    Connected {
        connection: ConnectionId,
    },
    /// Upstream did not: the client's connection is reset.
    UpstreamFailed {
        connection: ConnectionId,
        error: String,
    },
    /// From here on, the rule does to this connection what it says.
    Applied {
        connection: ConnectionId,
        rule: RuleId,
        fault: &'static str,
    },
    /// `up` and `down`: bytes that were passed on.
    Closed {
        connection: ConnectionId,
        by: By,
        how: How,
        up: u64,
        down: u64,
    },
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Client,
    Upstream,
    Rule(RuleId),
    /// Whoever controls the proxy.
    Hand,
}

impl What {
    /// Every event's name in JSON.
    pub(crate) const NAMES: [&'static str; 9] = [
        "listening",
        "rule_added",
        "rule_removed",
        "accepted",
        "request",
        "connected",
        "upstream_failed",
        "applied",
        "closed",
    ];

    /// The event's name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Listening { .. } => "listening",
            Self::RuleAdded { .. } => "rule_added",
            Self::RuleRemoved { .. } => "rule_removed",
            Self::Accepted { .. } => "accepted",
            Self::Request { .. } => "request",
            Self::Connected { .. } => "connected",
            Self::UpstreamFailed { .. } => "upstream_failed",
            Self::Applied { .. } => "applied",
            Self::Closed { .. } => "closed",
        }
    }

    /// The connection it happened to.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Accepted { connection }
            | Self::Request { connection, .. }
            | Self::Connected { connection }
            | Self::UpstreamFailed { connection, .. }
            | Self::Applied { connection, .. }
            | Self::Closed { connection, .. } => Some(*connection),
            Self::Listening { .. } | Self::RuleAdded { .. } | Self::RuleRemoved { .. } => None,
        }
    }
}

/// The newest events.
#[derive(Debug)]
pub(crate) struct Log {
    began: Instant,
    events: Mutex<Events>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Events {
    kept: VecDeque<Event>,
    last: u64,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), events: Mutex::default(), changed: watch::Sender::new(()) }
    }

    pub(crate) fn tell(&self, what: What) {
        let mut events = self.lock();
        let at = Instant::now();
        events.last += 1;
        let ms = (at - self.began).as_micros() as f64 / 1_000.0;
        let number = events.last;
        events.kept.push_back(Event { number, ms, at, what });
        if events.kept.len() > MOST {
            events.kept.pop_front();
        }
        drop(events);
        self.changed.send_replace(());
    }

    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// Those numbered above `after` that are `wanted`.
    pub(crate) fn after(&self, after: u64, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        let events = self.lock();
        let from = events.kept.partition_point(|event| event.number <= after);
        events.kept.range(from..).filter(|event| wanted(event)).cloned().collect()
    }

    /// The same, waiting until there are `count`, or `within` is over.
    pub(crate) async fn wait(
        &self,
        after: u64,
        count: usize,
        within: Duration,
        wanted: impl Fn(&Event) -> bool,
    ) -> Vec<Event> {
        let mut changed = self.changed.subscribe();
        let enough = async {
            loop {
                changed.borrow_and_update();
                let found = self.after(after, &wanted);
                if found.len() >= count || changed.changed().await.is_err() {
                    return found;
                }
            }
        };
        match tokio::time::timeout(within, enough).await {
            Ok(found) => found,
            Err(_) => self.after(after, &wanted),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use glasslink_protocol::{Durability, Epoch};
use glasslink_session::RelayConfig;
use metrics::gauge;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalog::{Catalog, Feed, Housekeeper, Record, SessionKey};
use crate::clock::{Clock, unix_micros};
use crate::dashboard::Logins;
use crate::database::{Database, Health};
use crate::doors::link::http::Exchanges;
use crate::doors::mentra::Mentra;
use crate::doors::pairing;
use crate::fanout::DecodePool;
use crate::identity::{Credentials, Identity, Quotas};
use crate::jobs::Jobs;
use crate::memory::Memory;
use crate::registry::Registry;
use crate::server::{Certificate, Guard, Guessing, Proxies};
use crate::speech::{EngineStatus, EngineView, Speech};
use crate::store::DataDir;

/// What every part of a running relay knows.
pub(crate) struct Shared {
    pub(crate) credentials: Credentials,
    pub(crate) guard: Guard,
    /// What each identity has.
    pub(crate) quotas: Quotas,
    /// Who is believed about where a request comes from.
    pub(crate) proxies: Proxies,
    /// Bytes a client's message may have.
    pub(crate) message_bytes: usize,
    /// Who shows wrong credentials.
    pub(crate) guessing: Guessing,
    /// The relay's, where it speaks TLS.
    pub(crate) certificate: Option<Certificate>,
    /// Pairings by a typed code that are under way.
    pub(crate) pairing: pairing::Exchanges,
    /// Apps that the relay calls.
    pub(crate) mentra: Mentra,
    pub(crate) clock: Clock,
    pub(crate) registry: Registry,
    pub(crate) exchanges: Exchanges,
    pub(crate) speech: Speech,
    /// Decodes for apps.
    pub(crate) pool: Arc<DecodePool>,
    /// Where sessions are kept; in memory without one.
    pub(crate) data: Option<Arc<DataDir>>,
    /// The tables of whoever has some.
    pub(crate) database: Arc<Database>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) feed: Feed,
    pub(crate) housekeeper: Housekeeper,
    /// A place for each who follows a session, and for each download of audio.
    pub(crate) watchers: Arc<Semaphore>,
    pub(crate) downloads: Arc<Semaphore>,
    pub(crate) jobs: Jobs,
    /// Who is logged in to the dashboard.
    pub(crate) logins: Logins,
    /// Whether it speaks TLS.
    pub(crate) encrypted: bool,
    /// What `/metrics` gives, and whether to everybody.
    pub(crate) metrics: Option<Exposition>,
    pub(crate) metrics_open: bool,
    /// How long a session is kept without a connection.
    pub(crate) keep: Duration,
    pub(crate) memory: Memory,
    /// No new sessions; those there are take their leave.
    pub(crate) draining: CancellationToken,
    /// The end.
    pub(crate) stopping: CancellationToken,
    /// Tasks of connections that no session has, or has no longer.
    pub(crate) connections: TaskTracker,
    /// One task a session.
    pub(crate) sessions: TaskTracker,
    pub(crate) last_epoch: AtomicU64,
}

/// What a recorder knows, as Prometheus reads it.
pub(crate) type Exposition = Arc<dyn Fn() -> String + Send + Sync>;

/// What `/readyz` says.
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    /// What stands in the way.
    pub(crate) reasons: Vec<String>,
    /// What will, if nobody does anything.
    pub(crate) warnings: Vec<String>,
    pub(crate) sessions: usize,
    pub(crate) engine: EngineStatus,
    /// All of them, in order of preference.
    pub(crate) engines: Vec<EngineView>,
}

impl Shared {
    /// A number that no session of this relay has had, in this life or, as long as clocks go forward, an earlier one.
    pub(crate) fn next_epoch(&self) -> Epoch {
        let now = unix_micros();
        let next = |last: u64| Some(now.max(last + 1));
        let last = self.last_epoch.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        Epoch(now.max(last.unwrap_or(now) + 1))
    }

    /// A session's line to the catalogue. `version`: behind which a found one's changes count on.
    pub(crate) fn record(&self, key: SessionKey, owner: &Identity, version: Option<u64>) -> Record {
        Record::begin(Arc::clone(&self.catalog), self.feed.clone(), key, owner, version)
    }

    /// The version of a session that was found in files: its changes count on from there.
    pub(crate) async fn known_version(&self, key: SessionKey) -> u64 {
        match self.catalog.lives(key.id).await {
            Ok(lives) => lives.iter().find(|(life, _)| *life == key).map_or(0, |(_, row)| row.version),
            // Larger than any there was.
            Err(_) => unix_micros(),
        }
    }

    /// What is told about the relay as a whole, when somebody looks.
    pub(crate) fn tell(&self) {
        gauge!("glasslink_relay_ready").set(f64::from(u8::from(self.readiness().ready)));
        gauge!("glasslink_relay_connections").set(self.registry.connections() as f64);
        gauge!("glasslink_relay_session_tasks").set(self.sessions.len() as f64);
        gauge!("glasslink_relay_connection_tasks").set(self.connections.len() as f64);
        gauge!("glasslink_relay_database_queue").set(self.database.waiting() as f64);
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let mut reasons = Vec::new();
        if self.draining.is_cancelled() {
            reasons.push("restarting".to_owned());
        }
        if self.registry.is_crowded() {
            reasons.push("too many connections".to_owned());
        }
        if self.memory.is_short() {
            reasons.push("memory is short".to_owned());
        }
        let waiting = self.data.as_ref().map_or(0, |data| data.waiting_for_disk());
        if waiting > 0 {
            reasons.push(format!("the disk takes nothing; {waiting} sessions wait for it"));
        }
        if let Health::Down { reason, remedy } = self.database.health() {
            let waiting = self.database.waiting();
            reasons.push(format!("the database takes nothing ({reason}; {waiting} writes wait): {remedy}"));
        }
        let mut warnings = Vec::new();
        for trouble in self.certificate.iter().flat_map(Certificate::troubles) {
            if trouble.is_fatal() { &mut reasons } else { &mut warnings }.push(trouble.to_string());
        }
        Readiness {
            ready: reasons.is_empty(),
            reasons,
            warnings,
            sessions: self.registry.sessions(),
            engine: self.speech.status.borrow().clone(),
            engines: self.speech.views(),
        }
    }

    /// What every session of this relay is promised.
    pub(crate) fn config(&self, epoch: Epoch, durability: Durability) -> RelayConfig {
        let relay = concat!("glasslink-relay/", env!("CARGO_PKG_VERSION")).to_owned();
        RelayConfig { keep: self.keep, relay, ..RelayConfig::new(epoch, durability) }
    }
}

//! One task for each app that the relay calls: its part in every session.

mod starting;

use std::collections::HashMap;
use std::sync::Arc;

use glasslink_protocol::{AppState, AppStatus, SessionId};
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use self::starting::{Done, Starts};
use super::health::AppHealth;
use super::limits;
use super::messages::{app_stopped, settings_update};
use super::run::{Order, Run, RunId, RunState, user};
use super::webhook::{Caller, Health};
use crate::identity::{App, Hash, Identity, Webhook};
use crate::session::Command;
use crate::shared::Shared;

/// What a keeper is told.
pub(super) enum Ask {
    /// There is a session; `found`: it was there before this relay.
    Began {
        session: SessionId,
        owner: Identity,
        found: bool,
    },
    Over {
        session: SessionId,
    },
    /// A connection says to be this run's.
    Connected {
        run: RunId,
        answer: oneshot::Sender<Option<Accepted>>,
    },
    /// It was acknowledged.
    Acknowledged {
        run: RunId,
        connection: u64,
        orders: mpsc::UnboundedSender<Order>,
    },
    Gone {
        run: RunId,
        connection: u64,
    },
    /// The app says that it has just started.
    Ready,
    /// The wearer starts it in a session, or stops it.
    Wanted {
        session: SessionId,
        wanted: bool,
    },
    /// It is called elsewhere from now on, or otherwise.
    Changed(Arc<Webhook>, Option<Hash>),
    Revoked,
}

/// What a connection needs to know of its run.
pub(super) struct Accepted {
    pub(super) session: SessionId,
    pub(super) webhook: Arc<Webhook>,
}

pub(super) struct Keeper {
    shared: Arc<Shared>,
    app: App,
    webhook: Arc<Webhook>,
    caller: Option<Arc<Caller>>,
    /// Where apps come to.
    address: Arc<str>,
    runs: HashMap<RunId, Run>,
    health: AppHealth,
    starts: Starts,
    work: JoinSet<Done>,
    calls: Arc<Semaphore>,
}

impl Keeper {
    pub(super) fn new(
        shared: Arc<Shared>,
        app: App,
        (webhook, signing): (Arc<Webhook>, Option<Hash>),
        address: Arc<str>,
    ) -> Self {
        let caller = Caller::new(&webhook.url, signing).map(Arc::new);
        Self {
            shared,
            app,
            webhook,
            caller,
            address,
            runs: HashMap::new(),
            health: AppHealth::default(),
            starts: Starts::default(),
            work: JoinSet::new(),
            calls: Arc::new(Semaphore::new(limits::WEBHOOKS)),
        }
    }

    pub(super) async fn live(mut self, mut inbox: mpsc::UnboundedReceiver<Ask>) {
        let draining = self.shared.draining.clone();
        loop {
            let due = self.due();
            tokio::select! {
                ask = inbox.recv() => match ask {
                    Some(Ask::Revoked) => return self.revoked().await,
                    Some(ask) => self.ask(ask),
                    None => return,
                },
                Some(done) = self.work.join_next() => {
                    // A task that panicked is a bug of ours; its run is started again after its time.
                    if let Ok(done) = done {
                        self.done(done);
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                // Connections take leave by themselves, and come back to the next relay.
                () = draining.cancelled() => return,
            }
            self.tick(Instant::now());
        }
    }

    fn ask(&mut self, ask: Ask) {
        let now = Instant::now();
        match ask {
            Ask::Began { session, owner, found } => self.began(now, session, owner, found),
            Ask::Over { session } => {
                let run = RunId::new(session, &self.webhook.package);
                if let Some(gone) = self.runs.remove(&run) {
                    self.stop(&run, gone, "system_stop", "User session ended");
                }
            }
            Ask::Connected { run, answer } => {
                let known = self.runs.get(&run).filter(|run| !matches!(run.state, RunState::Stopped));
                let webhook = Arc::clone(&self.webhook);
                // Whoever asked is gone, if it does not listen.
                let _ = answer.send(known.map(|run| Accepted { session: run.session, webhook }));
            }
            Ask::Acknowledged { run, connection, orders } => self.acknowledged(now, &run, connection, orders),
            Ask::Gone { run, connection } => self.gone(now, &run, connection),
            Ask::Ready => {
                info!(app = self.webhook.package, "it registered");
                self.back(now);
            }
            Ask::Wanted { session, wanted } => self.wanted(now, session, wanted),
            Ask::Changed(webhook, signing) => self.changed(now, webhook, signing),
            Ask::Revoked => {}
        }
    }

    fn began(&mut self, now: Instant, session: SessionId, owner: Identity, found: bool) {
        if !Identity::App(self.app).may_see(&owner) {
            return;
        }
        let id = RunId::new(session, &self.webhook.package);
        // An app that was there before this relay comes back by itself.
        let at = if found { now + limits::SDK_COMES_BACK } else { now };
        let run = || Run { session, owner, state: RunState::Waiting { at }, failures: 0, away: None };
        self.runs.entry(id).or_insert_with(run);
    }

    fn acknowledged(
        &mut self,
        now: Instant,
        id: &RunId,
        connection: u64,
        orders: mpsc::UnboundedSender<Order>,
    ) {
        let Some(run) = self.runs.get_mut(id) else {
            let _ = orders.send(Order::Close(None, 1000, "User session ended"));
            return;
        };
        match std::mem::replace(&mut run.state, RunState::Running { connection, orders }) {
            RunState::Starting { began, .. } => self.starts.took(now - began),
            RunState::Running { orders: old, .. } => {
                let _ = old.send(Order::Close(None, 1000, "replaced by a newer connection"));
            }
            RunState::Waiting { .. } | RunState::Stopped => {}
        }
        run.failures = 0;
        run.away = None;
        let session = run.session;
        info!(app = self.webhook.package, run = %id, "app is running");
        self.tell_wearer(session, AppState::Running);
        self.health.up();
    }

    fn gone(&mut self, now: Instant, id: &RunId, connection: u64) {
        let Some(run) = self.runs.get_mut(id) else { return };
        if !matches!(run.state, RunState::Running { connection: known, .. } if known == connection) {
            return;
        }
        info!(app = self.webhook.package, run = %id, "app is away");
        run.state = RunState::Waiting { at: now + limits::SDK_COMES_BACK };
        run.away.get_or_insert((now, false));
        self.health.doubt(now);
    }

    /// The app is there, and knows nothing of what it was part of.
    fn back(&mut self, now: Instant) {
        if self.health.up() {
            info!(app = self.webhook.package, "app is back");
        }
        for run in self.runs.values_mut() {
            if let RunState::Waiting { at } = &mut run.state {
                *at = (*at).min(now);
                run.failures = 0;
            }
        }
    }

    fn wanted(&mut self, now: Instant, session: SessionId, wanted: bool) {
        let id = RunId::new(session, &self.webhook.package);
        let Some(run) = self.runs.get_mut(&id) else { return };
        match (wanted, &run.state) {
            (true, RunState::Stopped) => run.state = RunState::Waiting { at: now },
            (false, RunState::Stopped) | (true, _) => {}
            (false, _) => {
                let state = std::mem::replace(&mut run.state, RunState::Stopped);
                let stopped = Run { state, away: None, failures: 0, owner: run.owner.clone(), session };
                (run.failures, run.away) = (0, None);
                self.stop(&id, stopped, "user_disabled", "App stopped");
                self.tell_wearer(session, AppState::Stopped);
            }
        }
    }

    fn changed(&mut self, now: Instant, webhook: Arc<Webhook>, signing: Option<Hash>) {
        let moved = webhook.url != self.webhook.url;
        let renamed = webhook.package != self.webhook.package;
        self.caller = Caller::new(&webhook.url, signing).map(Arc::new);
        let old = std::mem::replace(&mut self.webhook, webhook);
        let settings: Value = serde_json::from_str(&self.webhook.settings).unwrap_or_default();
        if renamed {
            for (id, run) in std::mem::take(&mut self.runs) {
                let (session, owner) = (run.session, run.owner.clone());
                self.stop(&id, run, "system_stop", "App stopped");
                self.began(now, session, owner, false);
            }
        } else if old.settings != self.webhook.settings {
            for run in self.runs.values() {
                if let RunState::Running { orders, .. } = &run.state {
                    let _ = orders.send(Order::Say(settings_update(&self.webhook.package, &settings)));
                }
            }
        }
        if moved {
            self.back(now);
        }
    }

    async fn revoked(mut self) {
        for (id, run) in std::mem::take(&mut self.runs) {
            self.stop(&id, run, "system_stop", "App stopped");
        }
        while self.work.join_next().await.is_some() {}
    }

    /// Tells the app that its part in a session is over: by its webhook, by its connection, and by the close.
    fn stop(&mut self, id: &RunId, run: Run, reason: &'static str, closing: &'static str) {
        let orders = match run.state {
            RunState::Running { orders, .. } => Some(orders),
            RunState::Starting { .. } => None,
            RunState::Waiting { .. } | RunState::Stopped => return,
        };
        info!(app = self.webhook.package, run = %id, reason, "app is stopped");
        let (caller, id, user) = (self.caller.clone(), id.clone(), user(&run.owner));
        self.work.spawn(async move {
            if let Some(caller) = caller {
                let told = caller.stop(id.as_str(), &user, reason);
                let _ = tokio::time::timeout(limits::STOP, told).await;
            }
            if let Some(orders) = orders {
                let _ = orders.send(Order::Close(Some(app_stopped(reason)), 1000, closing));
            }
            Done::Stopped
        });
    }

    fn done(&mut self, done: Done) {
        let now = Instant::now();
        match done {
            Done::Probed(Health::Down) => {
                if self.health.down(now, chance()) {
                    warn!(
                        app = self.webhook.package,
                        "nobody answers where the app listens; it is looked for"
                    );
                }
            }
            Done::Probed(Health::Up { sessions }) => {
                // A process that knows no session is a new one; one that does comes back by itself.
                if self.health.up() || sessions == Some(0) {
                    self.back(now);
                }
            }
            Done::Called { run, attempt, result } => self.called(now, &run, attempt, result),
            Done::Stopped => {}
        }
    }

    /// Whether it hears is its session's business: it tells a client that comes later.
    pub(super) fn tell_wearer(&self, session: SessionId, state: AppState) {
        let Some(commands) = self.shared.registry.commands(&Identity::App(self.app), session) else { return };
        let Webhook { package, name, .. } = &*self.webhook;
        let status = AppStatus { app: package.clone(), name: name.clone(), state };
        let _ = commands.try_send(Command::App(Box::new(status)));
    }
}

/// From 0 to 1. Where the system has no random numbers it is the middle.
fn chance() -> f64 {
    let mut random = [0; 4];
    match getrandom::fill(&mut random) {
        Ok(()) => f64::from(u32::from_ne_bytes(random)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}

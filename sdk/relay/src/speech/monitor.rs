use std::sync::Arc;
use std::time::Duration;

use glasslink_asr::{Engine, EngineError};
use glasslink_protocol::EngineState;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often a model that is not there is looked for. It costs a look at a folder.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Pause before an engine that failed is loaded again, doubled each time ...
const RETRY_FIRST: Duration = Duration::from_secs(1);

/// ... up to this.
const RETRY_MOST: Duration = Duration::from_mins(1);

/// The relay's speech engine, and how it is.
#[derive(Clone)]
pub(crate) struct Speech {
    pub(crate) engine: Option<Arc<dyn Engine>>,
    pub(crate) status: watch::Receiver<EngineStatus>,
    /// Told when a recognition failed: the engine is looked at again.
    pub(crate) failed: Arc<Notify>,
}

/// How the engine is, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EngineStatus {
    pub(crate) state: EngineState,
    pub(crate) message: String,
    /// What to do about it; empty when all is well.
    pub(crate) remedy: String,
}

impl EngineStatus {
    pub(crate) fn new(state: EngineState, message: &str) -> Self {
        Self { state, message: message.to_owned(), remedy: String::new() }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.state == EngineState::Ready
    }

    fn of(error: &EngineError) -> Self {
        let (state, message, remedy) = match error {
            EngineError::NotInstalled { remedy, .. } => {
                (EngineState::NotInstalled, "speech engine not installed".to_owned(), remedy.clone())
            }
            // Not degraded: nobody should wait for it to heal by itself.
            EngineError::Corrupted { file, remedy } => (
                EngineState::NotInstalled,
                format!("speech engine damaged: {file} is not the published file"),
                remedy.clone(),
            ),
            EngineError::NoModelDir => (
                EngineState::NotInstalled,
                "speech engine not installed".to_owned(),
                "set GLASSLINK_MODEL_DIR, then run `glasslink-relay model install`".to_owned(),
            ),
            EngineError::Runtime { .. } => {
                (EngineState::NotInstalled, error.to_string(), "use a relay on another machine".to_owned())
            }
            failed @ EngineError::Failed { .. } => (
                EngineState::Degraded,
                failed.to_string(),
                "look at the relay's log; it tries again by itself".to_owned(),
            ),
        };
        Self { state, message, remedy }
    }
}

impl Speech {
    /// Loads the engine, if there is one, and watches over it until the relay stops.
    pub(crate) fn start(engine: Option<Arc<dyn Engine>>, stopping: CancellationToken) -> Self {
        let Some(engine) = engine else {
            let disabled = EngineStatus::new(EngineState::Disabled, "this relay has no speech engine");
            return Self { engine: None, status: watch::channel(disabled).1, failed: Arc::default() };
        };
        let loading = EngineStatus::new(EngineState::Loading, "speech engine is loading");
        let (sender, status) = watch::channel(loading);
        let failed = Arc::new(Notify::new());
        let monitor = Monitor { engine: Arc::clone(&engine), status: sender, failed: Arc::clone(&failed) };
        tokio::spawn(async move { stopping.run_until_cancelled(monitor.run()).await });
        Self { engine: Some(engine), status, failed }
    }
}

struct Monitor {
    engine: Arc<dyn Engine>,
    status: watch::Sender<EngineStatus>,
    failed: Arc<Notify>,
}

impl Monitor {
    async fn run(self) {
        let mut pause = RETRY_FIRST;
        loop {
            let engine = Arc::clone(&self.engine);
            let loaded = spawn_blocking(move || engine.load()).await;
            let loaded =
                loaded.unwrap_or_else(|error| Err(EngineError::Failed { detail: error.to_string() }));
            match loaded {
                Ok(()) => {
                    let message = format!("{} is ready", self.engine.name());
                    self.tell(EngineStatus::new(EngineState::Ready, &message));
                    pause = RETRY_FIRST;
                    self.failed.notified().await;
                    sleep(RETRY_FIRST).await;
                }
                Err(error) => {
                    let status = EngineStatus::of(&error);
                    let missing = status.state == EngineState::NotInstalled;
                    self.tell(status);
                    let wait = if missing { LOOK_EVERY } else { pause };
                    pause = (pause * 2).min(RETRY_MOST);
                    sleep(wait).await;
                }
            }
        }
    }

    fn tell(&self, status: EngineStatus) {
        self.status.send_if_modified(|last| {
            let changed = *last != status;
            if changed {
                if status.is_ready() {
                    info!(engine = self.engine.name(), "speech engine ready");
                } else {
                    warn!(state = ?status.state, detail = status.message, remedy = status.remedy, "speech engine");
                }
                *last = status;
            }
            changed
        });
    }
}

use std::sync::Arc;
use std::time::Duration;

use glasslink_asr::EngineError;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, sleep_until, timeout};

use super::breaker::is_absent;
use super::engines::Speech;

/// How often a model that is not there is looked for. It costs a look at a folder.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Loading that takes longer hangs. A cold disk takes seconds.
const LOADING: Duration = Duration::from_mins(2);

/// Loads one engine, and again each time it failed: whether it can be loaded is the first half of a trial.
pub(super) struct Monitor {
    speech: Speech,
    index: usize,
}

impl Monitor {
    pub(super) fn new(speech: Speech, index: usize) -> Self {
        Self { speech, index }
    }

    pub(super) async fn run(self) {
        loop {
            let loaded = self.load().await;
            self.speech.loaded(self.index, &loaded);
            match loaded {
                Ok(()) => {
                    self.speech.ranked(self.index).opened.notified().await;
                    self.rest().await;
                }
                // Somebody may just have installed it.
                Err(error) if is_absent(&error) => sleep(LOOK_EVERY).await,
                Err(_) => self.rest().await,
            }
        }
    }

    /// Leaves the engine alone as long as its breaker says.
    async fn rest(&self) {
        if let Some(until) = self.speech.open_until(self.index) {
            sleep_until(until).await;
        }
    }

    async fn load(&self) -> Result<(), EngineError> {
        let engine = Arc::clone(&self.speech.ranked(self.index).engine);
        let loading = spawn_blocking(move || engine.load());
        match timeout(LOADING, loading).await {
            Ok(loaded) => {
                loaded.unwrap_or_else(|error| Err(EngineError::Failed { detail: error.to_string() }))
            }
            Err(_) => Err(EngineError::TimedOut { after: LOADING }),
        }
    }
}

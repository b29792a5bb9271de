use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::network::Network;
use crate::engine::{Engine, EngineError, EventSink, Recognition};
use crate::lane::Lane;
use crate::model::{File, MODEL_NAME, ModelDir, ModelError};
use crate::pool::{Loader, Pool};
use crate::segmenter::{Policy, Segmenter};
use crate::vad::Earshot;

/// Moonshine tiny-en: English, on this machine, on one core a stream or less.
///
/// Nothing is loaded before the first recognition is opened; then it takes about 120 MB, and 60 MB for each thread
/// after the first.
pub struct Moonshine {
    model: Result<ModelDir, ModelError>,
    threads: usize,
    partials: bool,
    pool: Mutex<Option<Arc<Pool>>>,
}

impl Moonshine {
    /// The engine with the model in `model`, which may be installed later.
    pub fn new(model: ModelDir) -> Self {
        Self::with(Ok(model))
    }

    fn with(model: Result<ModelDir, ModelError>) -> Self {
        // Half of the cores: the other half is the link's. More than four would wait for memory, not for each other.
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { model, threads: (cores / 2).clamp(1, 4), partials: true, pool: Mutex::new(None) }
    }

    /// How many segments are decoded at once; at least 1.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Whether recognitions give partials. They take four fifths of the work; the finals are the same without.
    #[must_use]
    pub fn partials(mut self, partials: bool) -> Self {
        self.partials = partials;
        self
    }

    /// The running threads, or new ones.
    fn pool(&self) -> Result<Arc<Pool>, EngineError> {
        let mut running = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = running.as_ref().filter(|pool| !pool.failed()) {
            return Ok(Arc::clone(pool));
        }
        let model = self.model.clone()?;
        model.check(&File::ENGINE)?;
        let loader: Arc<Loader> = Arc::new(move || {
            model.verify(&File::ENGINE)?;
            Ok(Box::new(Network::load(&model)?))
        });
        let pool = Arc::new(Pool::start(self.threads, &loader));
        *running = Some(Arc::clone(&pool));
        Ok(pool)
    }
}

impl Default for Moonshine {
    /// The engine with the model where [`ModelDir::locate`] says.
    fn default() -> Self {
        Self::with(ModelDir::locate())
    }
}

impl Engine for Moonshine {
    fn name(&self) -> &str {
        MODEL_NAME
    }

    fn load(&self) -> Result<(), EngineError> {
        self.pool()?.wait()
    }

    fn open(&self, events: EventSink) -> Result<Box<dyn Recognition>, EngineError> {
        Ok(self.pool()?.open(lane(self.partials), false, events))
    }

    fn open_in_background(&self, events: EventSink) -> Result<Box<dyn Recognition>, EngineError> {
        Ok(self.pool()?.open(lane(false), true, events))
    }
}

fn lane(partials: bool) -> Lane {
    Lane::new(Segmenter::new(Box::new(Earshot::default()), Policy::default()), partials)
}

use std::future::Future;
use std::sync::OnceLock;
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::engine::EngineError;

/// The thread of a remote engine: its streams wait for the network there, all at once.
#[derive(Default)]
pub(crate) struct Worker(OnceLock<Thread>);

struct Thread(Option<Runtime>);

impl Worker {
    /// Starts the thread the first time.
    pub(crate) fn handle(&self) -> Result<Handle, EngineError> {
        if let Some(thread) = self.0.get() {
            return thread.handle();
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(4)
            .thread_name("glasslink-asr-remote")
            .enable_all()
            .build()
            .map_err(|error| EngineError::Runtime { detail: error.to_string() })?;
        self.0.get_or_init(|| Thread(Some(runtime))).handle()
    }

    /// Waits for `work`, from a thread that may wait, inside a runtime or not.
    pub(crate) fn wait<T: Send>(
        &self,
        work: impl Future<Output = Result<T, EngineError>> + Send,
    ) -> Result<T, EngineError> {
        let handle = self.handle()?;
        // A thread that is known to be nobody's runtime.
        thread::scope(|scope| scope.spawn(|| handle.block_on(work)).join())
            .unwrap_or_else(|_| Err(EngineError::Failed { detail: "the engine panicked".to_owned() }))
    }
}

impl Thread {
    fn handle(&self) -> Result<Handle, EngineError> {
        let runtime = self.0.as_ref();
        runtime
            .map(|runtime| runtime.handle().clone())
            .ok_or_else(|| EngineError::Runtime { detail: "the engine has ended".to_owned() })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // Waiting for it is not allowed where the last owner may be: inside another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::AbortHandle;

use crate::runtime;

/// Something that goes on by itself until this is cancelled or dropped.
#[derive(Debug, uniffi::Object)]
pub struct TaskHandle {
    task: AbortHandle,
    /// Its end is somebody else's to decide.
    detached: AtomicBool,
}

impl TaskHandle {
    pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Arc<Self> {
        let task = runtime::handle().spawn(work).abort_handle();
        Arc::new(Self { task, detached: AtomicBool::new(false) })
    }

    /// Leaves the task at work when the handle is dropped.
    pub(crate) fn detach(&self) {
        self.detached.store(true, Ordering::Relaxed);
    }
}

#[uniffi::export]
impl TaskHandle {
    /// Ends it. Once more is nothing.
    pub fn cancel(&self) {
        self.task.abort();
    }

    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for TaskHandle {
    fn drop(&mut self) {
        if !self.detached.load(Ordering::Relaxed) {
            self.task.abort();
        }
    }
}

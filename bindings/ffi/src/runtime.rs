//! The threads that links run on.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;

static RUNTIME: RwLock<State> = RwLock::new(State::New);

enum State {
    New,
    Running(Runtime),
    Over,
}

/// Started by whoever asks first: a library that is loaded and not used has no threads.
///
/// # Panics
///
/// After [`shutdown`]: the program is about to end.
pub(crate) fn handle() -> Handle {
    if let State::Running(runtime) = &*RUNTIME.read().unwrap_or_else(PoisonError::into_inner) {
        return runtime.handle().clone();
    }
    let mut state = RUNTIME.write().unwrap_or_else(PoisonError::into_inner);
    if matches!(*state, State::New) {
        // One for the links, one for whatever reads a file or a disk meanwhile.
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("glasslink")
            .enable_all()
            .build()
            .expect("the system gives threads");
        *state = State::Running(runtime);
    }
    match &*state {
        State::Running(runtime) => runtime.handle().clone(),
        State::New | State::Over => panic!("Glasslink was shut down, and cannot be used any more"),
    }
}

/// Runs `work` on threads of ours, whoever polls. It ends when its caller gives up; its panic is its caller's.
pub(crate) async fn run<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match AbortOnDropHandle::new(handle().spawn(work)).await {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(cancelled) => panic!("Glasslink was shut down: {cancelled}"),
        },
    }
}

/// Ends every task and thread of this library, for good: links end as if the program had been killed. For languages
/// whose own runtime ends before the process does, such as Python; the package calls it.
#[uniffi::export]
pub fn shutdown() {
    let before = {
        let mut state = RUNTIME.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *state, State::Over)
    };
    if let State::Running(runtime) = before {
        // A listener that never returns must not keep the program from ending.
        runtime.shutdown_timeout(Duration::from_secs(2));
    }
}

/// The version of this library, which is its packages' too.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::journal::disk::{Disk, DiskFile};

/// Makes what logs write durable, on a thread of its own: at least every second, unless the disk takes longer.
///
/// One is enough for a program. Dropped, it does what is due once more.
#[derive(Debug)]
pub struct Syncer {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    targets: Vec<Arc<Target>>,
    due: bool,
    stop: bool,
}

/// What a log has for the syncer.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    state: Mutex<TargetState>,
    syncer: Arc<Shared>,
}

#[derive(Debug, Default)]
struct TargetState {
    /// The file that is written to, and where it should be.
    open: Option<(Arc<dyn DiskFile>, PathBuf)>,
    /// Files that were closed and may hold what is not durable yet.
    closed: Vec<Arc<dyn DiskFile>>,
    dirty: bool,
    new_name: bool,
    gone: bool,
    failure: Option<io::Error>,
}

/// Half of what is promised, so that a slow disk has the other half.
const INTERVAL: Duration = Duration::from_millis(500);

impl Syncer {
    /// Starts the thread.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let on_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("journal-sync".into()).spawn(move || on_thread.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Without a thread: what was written is made durable when [`run`](Self::run) is called.
    pub fn manual() -> Self {
        Self { shared: Arc::default(), thread: None }
    }

    /// Makes everything durable that was written before, now.
    pub fn run(&self) {
        self.shared.sync_all();
    }

    pub(super) fn target(&self, disk: Arc<dyn Disk>, dir: PathBuf) -> Arc<Target> {
        let target = Target { disk, dir, state: Mutex::default(), syncer: Arc::clone(&self.shared) };
        let target = Arc::new(target);
        self.shared.lock().targets.push(Arc::clone(&target));
        target
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It cannot fail but by a panic in a disk, which was reported where it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let mut state = self.lock();
            while !state.due && !state.stop {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            // More is written meanwhile, and made durable at one go.
            let until = Instant::now() + INTERVAL;
            while let Some(left) = until.checked_duration_since(Instant::now()).filter(|_| !state.stop) {
                (state, _) = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            }
            let stop = state.stop;
            drop(state);
            self.sync_all();
            if stop {
                return;
            }
        }
    }

    fn sync_all(&self) {
        let targets = {
            let mut state = self.lock();
            state.due = false;
            state.targets.clone()
        };
        for target in &targets {
            target.sync();
        }
        self.lock().targets.retain(|target| !target.is_done());
    }
}

impl Target {
    /// From now on `file`, at `path`, is written to.
    pub(super) fn opened(&self, file: Arc<dyn DiskFile>, path: PathBuf) {
        let mut state = self.lock();
        state.open = Some((file, path));
        state.new_name = true;
    }

    /// Nothing more is written to the open file.
    pub(super) fn closed(&self) {
        let mut state = self.lock();
        if let Some((file, _)) = state.open.take() {
            state.closed.push(file);
            state.dirty = true;
        }
        drop(state);
        self.announce();
    }

    /// Something was written.
    pub(super) fn wrote(&self) {
        let mut state = self.lock();
        let first = !std::mem::replace(&mut state.dirty, true);
        drop(state);
        if first {
            self.announce();
        }
    }

    /// The log is not written to any more; the rest is made durable, and that is all.
    pub(super) fn leave(&self) {
        self.closed();
        self.lock().gone = true;
        self.announce();
    }

    /// What went wrong since this was last asked. What was written before may be lost.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.lock().failure.take()
    }

    pub(super) fn sync(&self) {
        let (open, closed, dirty, new_name) = {
            let mut state = self.lock();
            let closed = std::mem::take(&mut state.closed);
            let dirty = std::mem::take(&mut state.dirty);
            (state.open.clone(), closed, dirty, std::mem::take(&mut state.new_name))
        };
        if !dirty {
            self.lock().new_name |= new_name;
            return;
        }
        let mut result = Ok(());
        for file in &closed {
            result = result.and(file.sync());
        }
        if let Some((file, path)) = open {
            result = result.and_then(|()| file.sync());
            if result.is_ok() && !file.is_at(&path) {
                result = Err(io::Error::new(io::ErrorKind::NotFound, "the file or its folder was deleted"));
            }
        }
        if new_name {
            result = result.and_then(|()| self.disk.sync_dir(&self.dir));
        }
        if let Err(error) = result {
            self.lock().failure = Some(error);
        }
    }

    fn is_done(&self) -> bool {
        let state = self.lock();
        state.gone && !state.dirty
    }

    fn announce(&self) {
        self.syncer.lock().due = true;
        self.syncer.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, TargetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::journal::disk::{Disk, DiskFile, FileSystem};

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
    /// What all logs are on.
    system: Option<Box<dyn FileSystem>>,
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

/// So many logs or more are made durable along with everything else on their file system: each by itself would wait for
/// the disk once. Of a few, what other programs write there would cost more.
const MANY: usize = 16;

impl Syncer {
    /// Starts the thread.
    pub fn start() -> io::Result<Self> {
        Self::start_on(None)
    }

    /// Starts the thread for a program with many logs, all of them under `root`.
    pub fn start_for_many(disk: &dyn Disk, root: &Path) -> io::Result<Self> {
        Self::start_on(disk.file_system(root))
    }

    fn start_on(system: Option<Box<dyn FileSystem>>) -> io::Result<Self> {
        let shared = Arc::new(Shared { system, ..Shared::default() });
        let on_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("journal-sync".into()).spawn(move || on_thread.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Without a thread: what was written is made durable when [`run`](Self::run) is called.
    pub fn manual() -> Self {
        Self { shared: Arc::default(), thread: None }
    }

    /// As [`manual`](Self::manual), for many logs under `root`.
    pub fn manual_for_many(disk: &dyn Disk, root: &Path) -> Self {
        Self {
            shared: Arc::new(Shared { system: disk.file_system(root), ..Shared::default() }),
            thread: None,
        }
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
        let pending: Vec<_> = targets.iter().filter_map(|target| Some((target, target.pending()?))).collect();
        let system = self.system.as_ref().filter(|_| pending.len() >= MANY);
        // What a file system could not write it lays to no file's charge; the files know.
        let at_once = system.is_some_and(|system| system.sync().is_ok());
        for (target, pending) in pending {
            target.settle(&pending, at_once);
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
        if let Some(pending) = self.pending() {
            self.settle(&pending, false);
        }
    }

    /// What is not durable yet, if there is something.
    fn pending(&self) -> Option<Pending> {
        let mut state = self.lock();
        if !std::mem::take(&mut state.dirty) {
            return None;
        }
        Some(Pending {
            open: state.open.clone(),
            closed: std::mem::take(&mut state.closed),
            new_name: std::mem::take(&mut state.new_name),
        })
    }

    /// Makes it durable, unless it is already.
    fn settle(&self, pending: &Pending, is_durable: bool) {
        let mut result = if is_durable { Ok(()) } else { pending.sync(self) };
        if let Some((file, path)) = &pending.open
            && result.is_ok()
            && !file.is_at(path)
        {
            result = Err(io::Error::new(io::ErrorKind::NotFound, "the file or its folder was deleted"));
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
        // Whoever was the first has woken the thread, which now waits for others.
        if !std::mem::replace(&mut self.syncer.lock().due, true) {
            self.syncer.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, TargetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of a log is to be made durable.
struct Pending {
    open: Option<(Arc<dyn DiskFile>, PathBuf)>,
    closed: Vec<Arc<dyn DiskFile>>,
    new_name: bool,
}

impl Pending {
    fn sync(&self, target: &Target) -> io::Result<()> {
        let open = self.open.as_ref().map(|(file, _)| file);
        for file in self.closed.iter().chain(open) {
            file.sync()?;
        }
        if self.new_name { target.disk.sync_dir(&target.dir) } else { Ok(()) }
    }
}

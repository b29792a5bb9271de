#[cfg(not(all(feature = "network-watch", not(any(target_os = "android", target_os = "ios")))))]
pub(super) use none::Watcher;
#[cfg(all(feature = "network-watch", not(any(target_os = "android", target_os = "ios"))))]
pub(super) use system::Watcher;

#[cfg(all(feature = "network-watch", not(any(target_os = "android", target_os = "ios"))))]
mod system {
    use std::fmt;
    use std::sync::{Arc, Mutex, PoisonError, Weak};

    use netwatcher::{Update, WatchHandle, watch_interfaces_with_callback};
    use tokio::sync::watch;

    use super::super::Changes;

    /// Told by the system of addresses that come and go. All links of a process have one.
    #[derive(Clone)]
    pub(in super::super) struct Watcher {
        changes: watch::Sender<()>,
        _handle: Handle,
    }

    /// Locked by nobody: the lock makes it one that threads may share.
    type Handle = Arc<Mutex<WatchHandle>>;

    struct Running {
        changes: watch::Sender<()>,
        handle: Weak<Mutex<WatchHandle>>,
    }

    static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

    impl Watcher {
        /// `None` where the system does not say.
        pub(in super::super) fn start() -> Option<Self> {
            let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(running) = &*running
                && let Some(handle) = running.handle.upgrade()
            {
                return Some(Self { changes: running.changes.clone(), _handle: handle });
            }
            let changes = watch::Sender::new(());
            let told = changes.clone();
            let watching = watch_interfaces_with_callback(move |update| {
                if !update.is_initial && is_news(&update) {
                    told.send_replace(());
                }
            });
            match watching {
                Ok(handle) => {
                    let handle = Arc::new(Mutex::new(handle));
                    let weak = Arc::downgrade(&handle);
                    *running = Some(Running { changes: changes.clone(), handle: weak });
                    Some(Self { changes, _handle: handle })
                }
                Err(error) => {
                    tracing::debug!(?error, "the system does not tell of its interfaces");
                    None
                }
            }
        }

        pub(in super::super) fn changes(&self) -> Changes {
            self.changes.subscribe()
        }
    }

    /// An address came that leads somewhere.
    fn is_news(update: &Update) -> bool {
        update.addrs_added().any(|(_, record)| !record.ip.is_loopback())
    }

    impl fmt::Debug for Watcher {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Watcher").finish_non_exhaustive()
        }
    }
}

#[cfg(not(all(feature = "network-watch", not(any(target_os = "android", target_os = "ios")))))]
mod none {
    use super::super::Changes;

    /// On a phone the program is told, and tells the link.
    #[derive(Debug)]
    pub(in super::super) enum Watcher {}

    impl Watcher {
        pub(in super::super) fn start() -> Option<Self> {
            None
        }

        pub(in super::super) fn changes(&self) -> Changes {
            match *self {}
        }
    }
}

//! What the system knows of the network, and the clocks of sleep: reasons to try at once (P6).

mod interfaces;
mod sleep;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use interfaces::Watcher;
pub(crate) use sleep::Clocks;

/// Moves whenever an address comes to this machine.
pub(crate) type Changes = watch::Receiver<()>;

/// Routes come a moment after the address.
const SETTLE: Duration = Duration::from_millis(100);

/// Names, and some routes, come later: a link that tried then tries again after this.
const ONCE_MORE: Duration = Duration::from_millis(1_100);

/// While there is no connection the clocks are looked at this often: a back-off does not go on in sleep.
const LOOK: Duration = Duration::from_secs(1);

/// Waits for reasons to try at once.
#[derive(Debug)]
pub(crate) struct Awareness {
    changes: Option<Changes>,
    /// When to nudge, and whether it is for the second time.
    due: Option<(Instant, bool)>,
    /// Kept alive for `changes`.
    _watcher: Option<Watcher>,
}

/// Why to try at once, or to look whether there is a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nudge {
    /// An address came.
    NetworkUp,
    /// The clocks want to be looked at.
    Look,
}

impl Awareness {
    /// Knows nothing, but the clocks.
    pub(crate) fn of_clocks() -> Self {
        Self { changes: None, due: None, _watcher: None }
    }

    /// Watches the machine's interfaces, where that is possible.
    pub(crate) fn of_system() -> Self {
        let watcher = Watcher::start();
        Self { changes: watcher.as_ref().map(Watcher::changes), due: None, _watcher: watcher }
    }

    /// Watches something else.
    #[cfg(test)]
    pub(crate) fn of(changes: Changes) -> Self {
        Self { changes: Some(changes), due: None, _watcher: None }
    }

    /// The next nudge. `looking`: that the clocks are looked at now and then. Cancel safe.
    pub(crate) async fn next(&mut self, looking: bool) -> Nudge {
        loop {
            let changed = async {
                let told = match &mut self.changes {
                    Some(changes) => changes.changed().await.is_ok(),
                    None => false,
                };
                if !told {
                    std::future::pending::<()>().await;
                }
            };
            let due = async {
                match self.due {
                    Some((at, _)) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let look = async {
                if looking {
                    tokio::time::sleep(LOOK).await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                // More of the same change does not put it off.
                () = changed => if self.due.is_none_or(|(_, second)| second) {
                    self.due = Some((Instant::now() + SETTLE, false));
                },
                () = due => {
                    let second = self.due.is_some_and(|(_, second)| second);
                    self.due = (!second).then(|| (Instant::now() + ONCE_MORE, true));
                    return Nudge::NetworkUp;
                }
                () = look => return Nudge::Look,
            }
        }
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Sessions fill their buffers within a minute; a second is soon enough to see it, and nothing to do it.
const EVERY: Duration = Duration::from_secs(1);

/// Whether the process has more memory than it should.
///
/// While it does, new sessions are asked to wait; those there are go on, and what each may hold is bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    is_short: Arc<AtomicBool>,
}

impl Memory {
    /// Looks every second, until `stopping`. Without a limit, or where the system does not tell, memory is never short.
    pub(crate) fn watch(limit: Option<u64>, stopping: CancellationToken) -> Self {
        let memory = Self::default();
        if let Some(limit) = limit {
            memory.look(limit);
            let watched = memory.clone();
            tokio::spawn(stopping.run_until_cancelled_owned(async move {
                let mut ticks = interval(EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    watched.look(limit);
                }
            }));
        }
        memory
    }

    pub(crate) fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }

    fn look(&self, limit: u64) {
        let Some(resident) = resident() else { return };
        let was_short = self.is_short();
        // Not at each step over the line and back.
        let line = if was_short { limit - limit / 20 } else { limit };
        let is_short = resident > line;
        self.is_short.store(is_short, Ordering::Relaxed);
        match (was_short, is_short) {
            (false, true) => warn!(resident, limit, "memory is short: new sessions are asked to wait"),
            (true, false) => info!(resident, limit, "memory is not short any more"),
            _ => {}
        }
    }
}

/// Bytes of this process in memory.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

use std::time::Duration;

/// Jobs at once. An engine that is asked in the background has few threads to spare.
pub(super) const AT_ONCE: usize = 2;

/// A job that is not heard of for this long is stuck or its worker is gone: another takes it up.
pub(super) const LEASE: Duration = Duration::from_mins(1);

/// How often it is heard of while nothing else is to be written.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);

/// Attempts that get nowhere before a job is set aside.
pub(super) const ATTEMPTS: u32 = 3;

/// Pause before it is tried again, doubled each time. Some of it is left to chance.
pub(super) const RETRY: Duration = Duration::from_secs(10);

/// How often somebody looks for a job that is due, or for an engine that works again.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// A job's engine that settles nothing for this long hangs: in the background, it may have to wait for live speech.
pub(super) const STUCK: Duration = Duration::from_mins(5);

/// Jobs that are over are shown for this long.
pub(super) const KEEP: Duration = Duration::from_hours(30 * 24);

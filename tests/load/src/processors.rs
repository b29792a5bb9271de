//! Servers on the first processor, the generator on the others: neither takes the other's time, and what a server costs
//! is not what moving it about costs.

/// What is started from now on runs there, and so does this thread.
#[cfg(target_os = "linux")]
pub(crate) fn of_servers() {
    stay(|processor| processor == 0);
}

/// The same.
#[cfg(target_os = "linux")]
pub(crate) fn of_generator() {
    stay(|processor| processor > 0);
}

#[cfg(target_os = "linux")]
fn stay(wanted: impl Fn(usize) -> bool) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    // Before any was left out.
    static GIVEN: std::sync::OnceLock<Option<CpuSet>> = std::sync::OnceLock::new();
    let Some(given) = GIVEN.get_or_init(|| sched_getaffinity(None).ok()) else { return };
    let ours: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|processor| given.is_set(*processor)).collect();
    if ours.len() < 2 {
        return;
    }
    let mut set = CpuSet::new();
    ours.iter().enumerate().filter(|(number, _)| wanted(*number)).for_each(|(_, ours)| set.set(*ours));
    // Without it the figures are noisier, and no less true.
    let _ = sched_setaffinity(None, &set);
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn of_servers() {}

#[cfg(not(target_os = "linux"))]
pub(crate) fn of_generator() {}

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::Fault;

/// How often each fault, state transition and cause was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub faults: BTreeMap<Fault, u64>,
    pub transitions: BTreeMap<(&'static str, &'static str), u64>,
    pub causes: BTreeMap<&'static str, u64>,
    pub counts: BTreeMap<&'static str, u64>,
}

/// What a long run has to meet, or it proves nothing.
const EXPECTED_TRANSITIONS: [(&str, &str); 10] = [
    ("idle", "connecting"),
    ("connecting", "resuming"),
    ("connecting", "waiting"),
    ("connecting", "refused"),
    ("resuming", "live"),
    ("resuming", "waiting"),
    ("resuming", "refused"),
    ("live", "waiting"),
    ("live", "refused"),
    ("waiting", "connecting"),
];

const EXPECTED_CAUSES: [&str; 8] = [
    "connection_refused",
    "overloaded",
    "reset",
    "restarting",
    "stalled",
    "superseded",
    "timeout",
    "unauthorized",
];

const EXPECTED_COUNTS: [&str; 6] =
    ["absent_frames", "duplicates", "finals", "lost_history_gaps", "radio_frames", "rejected_frames"];

/// What only runs longer than the buffer's 90 s can meet.
const EXPECTED_IN_LONG_RUNS: [&str; 3] = ["continued_streams", "live_again", "overflow_frames"];

impl Coverage {
    pub fn merge(&mut self, other: &Self) {
        add(&mut self.faults, &other.faults);
        add(&mut self.transitions, &other.transitions);
        add(&mut self.causes, &other.causes);
        add(&mut self.counts, &other.counts);
    }

    pub(crate) fn count(&mut self, what: &'static str, n: u64) {
        *self.counts.entry(what).or_default() += n;
    }

    /// What was never met by runs of `length`.
    pub fn missing(&self, length: Duration) -> Vec<String> {
        let faults = Fault::ALL.iter().filter(|fault| !self.faults.contains_key(fault));
        let transitions = EXPECTED_TRANSITIONS.iter().filter(|pair| !self.transitions.contains_key(pair));
        let causes = EXPECTED_CAUSES.iter().filter(|cause| !self.causes.contains_key(*cause));
        let long = (length >= Duration::from_mins(5)).then_some(EXPECTED_IN_LONG_RUNS);
        let counts = EXPECTED_COUNTS
            .iter()
            .chain(long.iter().flatten())
            .filter(|name| self.counts.get(*name).copied().unwrap_or(0) == 0);
        faults
            .map(|fault| format!("fault {fault:?}"))
            .chain(transitions.map(|(from, to)| format!("transition {from} -> {to}")))
            .chain(causes.map(|cause| format!("cause {cause}")))
            .chain(counts.map(|name| format!("count {name}")))
            .collect()
    }
}

fn add<K: Copy + Ord>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, n) in from {
        *into.entry(*key).or_default() += n;
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (fault, n) in &self.faults {
            writeln!(f, "  fault {fault:?}: {n}")?;
        }
        for ((from, to), n) in &self.transitions {
            writeln!(f, "  {from} -> {to}: {n}")?;
        }
        for (cause, n) in &self.causes {
            writeln!(f, "  cause {cause}: {n}")?;
        }
        for (name, n) in &self.counts {
            writeln!(f, "  {name}: {n}")?;
        }
        Ok(())
    }
}

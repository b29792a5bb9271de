use std::time::Duration;

use glasslink::LinkStats;
use glasslink::transcript::{Entry, Transcript};
use glasslink::{FinishError, GapCause};
use serde::Serialize;

use crate::measure::Measure;

/// What `--json` ends with. Times are milliseconds; `null` where nothing was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    captured: u64,
    acknowledged: u64,
    buffered: u64,
    lost: u64,
    reconnects: u64,
    transcript: String,
    first_partial_ms: Option<u64>,
    final_after_speech_ms_p50: Option<u64>,
    final_after_speech_ms_p95: Option<u64>,
}

impl Report {
    /// `measure`: only what was captured in real time has a latency.
    pub(crate) fn new(stats: &LinkStats, transcript: &Transcript, measure: Option<&Measure>) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let final_ms = |percent| measure.and_then(|measure| measure.final_after_speech(percent)).map(ms);
        Self {
            captured: stats.captured,
            acknowledged: stats.acknowledged,
            buffered: stats.buffered,
            lost: stats.lost,
            reconnects: stats.reconnects,
            transcript: transcript.text(),
            first_partial_ms: measure.and_then(Measure::first_partial).map(ms),
            final_after_speech_ms_p50: final_ms(50),
            final_after_speech_ms_p95: final_ms(95),
        }
    }
}

/// What is wrong with a run, in words. Empty: nothing.
pub(crate) fn faults(
    stats: &LinkStats,
    transcript: &Transcript,
    finished: &Result<(), FinishError>,
    may_lose: bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    if !stats.balances() {
        faults.push("the ledger does not balance: report it, with this output".to_owned());
    }
    if stats.buffered > 0 {
        faults.push(format!("{} frames did not reach the relay", stats.buffered));
    }
    if stats.lost > 0 && !may_lose {
        faults.push(format!("{} frames were lost", stats.lost));
    }
    match finished {
        Ok(()) => {
            let missing = transcript.entries().iter().filter(|entry| is_untranscribed(entry)).count();
            if missing > 0 {
                faults.push(format!("{missing} parts were kept and not transcribed"));
            }
        }
        // Said where it was noticed; nothing is lost by it.
        Err(FinishError::NoEngine(_)) => {}
        Err(error) => faults.push(error.to_string()),
    }
    faults
}

fn is_untranscribed(entry: &Entry) -> bool {
    matches!(entry, Entry::Gap(gap) if matches!(gap.cause, GapCause::NotTranscribed | GapCause::RelayLostHistory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> LinkStats {
        LinkStats { captured: 10, acknowledged: 10, ..LinkStats::default() }
    }

    fn are_there(stats: LinkStats, finished: &Result<(), FinishError>, may_lose: bool) -> bool {
        !faults(&stats, &Transcript::default(), finished, may_lose).is_empty()
    }

    #[test]
    fn a_run_is_whole_only_if_everything_is_accounted_for() {
        assert!(!are_there(stats(), &Ok(()), false));
        assert!(are_there(LinkStats { acknowledged: 9, ..stats() }, &Ok(()), false), "unbalanced");
        assert!(
            are_there(LinkStats { acknowledged: 9, buffered: 1, ..stats() }, &Ok(()), false),
            "left over"
        );
        let lossy = LinkStats { acknowledged: 9, lost: 1, ..stats() };
        assert!(are_there(lossy, &Ok(()), false));
        assert!(!are_there(lossy, &Ok(()), true), "a live source and an outage beyond the buffer");
        assert!(are_there(stats(), &Err(FinishError::Closed), false));
    }
}

use std::time::Duration;

use glasslink::transcript::Entry;
use glasslink::{FinishError, GapCause, LinkStats};
use serde::Serialize;

use crate::audience::Played;
use crate::measure::Measure;

/// What `--json` ends with. Times are milliseconds; `null` where nothing was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    captured: u64,
    acknowledged: u64,
    buffered: u64,
    lost: u64,
    reconnects: u64,
    pub(crate) transcript: String,
    first_partial_ms: Option<u64>,
    final_after_speech_ms_p50: Option<u64>,
    final_after_speech_ms_p95: Option<u64>,
}

impl Report {
    /// `measure`: only what was captured in real time has a latency.
    pub(crate) fn new(stats: &LinkStats, transcript: String, measure: Option<&Measure>) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let final_ms = |percent| measure.and_then(|measure| measure.final_after_speech(percent)).map(ms);
        Self {
            captured: stats.captured,
            acknowledged: stats.acknowledged,
            buffered: stats.buffered,
            lost: stats.lost,
            reconnects: stats.reconnects,
            transcript,
            first_partial_ms: measure.and_then(Measure::first_partial).map(ms),
            final_after_speech_ms_p50: final_ms(50),
            final_after_speech_ms_p95: final_ms(95),
        }
    }

    /// Takes another link's ledger in.
    pub(crate) fn add(&mut self, stats: &LinkStats) {
        self.captured += stats.captured;
        self.acknowledged += stats.acknowledged;
        self.buffered += stats.buffered;
        self.lost += stats.lost;
        self.reconnects += stats.reconnects;
    }
}

/// What is wrong with a run, in words. Empty: nothing.
pub(crate) fn faults(played: &Played, may_lose: bool) -> Vec<String> {
    let Played { stats, transcript, finished, lagged, .. } = played;
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
    if *lagged > 0 {
        faults.push(format!("{lagged} events were not shown in time"));
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
    use glasslink::transcript::Transcript;

    use super::*;

    fn played() -> Played {
        Played {
            stats: LinkStats { captured: 10, acknowledged: 10, ..LinkStats::default() },
            transcript: Transcript::default(),
            finished: Ok(()),
            problems: Vec::new(),
            lagged: 0,
        }
    }

    fn with_stats(change: impl FnOnce(&mut LinkStats)) -> Played {
        let mut played = played();
        change(&mut played.stats);
        played
    }

    #[test]
    fn a_run_is_whole_only_if_everything_is_accounted_for() {
        let is_whole = |played: &Played, may_lose| faults(played, may_lose).is_empty();
        assert!(is_whole(&played(), false));
        assert!(!is_whole(&with_stats(|stats| stats.acknowledged = 9), false), "unbalanced");
        let left_over = with_stats(|stats| (stats.acknowledged, stats.buffered) = (9, 1));
        assert!(!is_whole(&left_over, false));
        let lossy = with_stats(|stats| (stats.acknowledged, stats.lost) = (9, 1));
        assert!(!is_whole(&lossy, false));
        assert!(is_whole(&lossy, true), "a live source and an outage beyond the buffer");
        assert!(!is_whole(&Played { finished: Err(FinishError::Closed), ..played() }, false));
        assert!(!is_whole(&Played { lagged: 1, ..played() }, false));
    }
}

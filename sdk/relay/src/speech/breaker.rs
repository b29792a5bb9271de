//! Whether an engine is to be asked. A state machine: it is told what happened and when, and does nothing by itself.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use glasslink_asr::EngineError;
use tokio::time::Instant;

/// How long an engine that failed is left alone, doubled each time it fails again ...
const OPEN_FIRST: Duration = Duration::from_secs(1);

/// ... up to this. Half of it is left to chance, so that not everybody comes back at once.
const OPEN_MOST: Duration = Duration::from_mins(1);

/// Streams in a row that an engine fails on before it is the engine, and not what was said.
const FAILED_STREAMS: usize = 3;

/// A trial that has shown nothing by now makes way for another: nothing may be said in its stream.
const TRIAL: Duration = Duration::from_secs(30);

/// Stands between an engine and its streams.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// How often it opened since the engine last gave text.
    opened: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// All may ask. These streams failed since the last that did not.
    Closed { failed: Vec<u64> },
    /// Nobody may, until then.
    Open { until: Instant },
    /// One may, to see whether it works again.
    HalfOpen { trial: Option<(u64, Instant)> },
}

impl Breaker {
    /// Closed to all until the engine is loaded.
    pub(super) fn new(now: Instant) -> Self {
        Self { state: State::Open { until: now }, opened: 0 }
    }

    /// Whether `stream` may ask the engine.
    pub(super) fn admits(&self, stream: u64, now: Instant) -> bool {
        match &self.state {
            State::Closed { .. } => true,
            State::Open { .. } => false,
            State::HalfOpen { trial } => {
                trial.is_none_or(|(holder, since)| holder == stream || now >= since + TRIAL)
            }
        }
    }

    /// `stream` asks it now.
    pub(super) fn asked(&mut self, stream: u64, now: Instant) {
        if let State::HalfOpen { trial } = &mut self.state {
            *trial = Some((stream, now));
        }
    }

    /// `stream` asks no more. Whether another may, that could not.
    pub(super) fn left(&mut self, stream: u64) -> bool {
        match &mut self.state {
            State::HalfOpen { trial } if trial.is_some_and(|(holder, _)| holder == stream) => {
                *trial = None;
                true
            }
            _ => false,
        }
    }

    /// The engine loads, or answers again: all may ask the first time, one after it had failed.
    pub(super) fn loaded(&mut self) {
        if let State::Open { .. } = self.state {
            self.state = match self.opened {
                0 => State::Closed { failed: Vec::new() },
                _ => State::HalfOpen { trial: None },
            };
        }
    }

    /// It did something for a stream; `text`: it said something, which is more than hearing silence. Whether more may ask
    /// now.
    pub(super) fn worked(&mut self, text: bool) -> bool {
        if text {
            self.opened = 0;
        }
        match &mut self.state {
            State::Closed { failed } => {
                failed.clear();
                false
            }
            State::HalfOpen { .. } => {
                self.state = State::Closed { failed: Vec::new() };
                true
            }
            // A straggler: whoever has a recognition goes on with it.
            State::Open { .. } => false,
        }
    }

    /// It failed `stream`, or could not be loaded (`None`). Whether nobody may ask any more.
    pub(super) fn failed(&mut self, stream: Option<u64>, error: &EngineError, now: Instant) -> bool {
        let is_it_the_audio = matches!(error, EngineError::Failed { .. });
        if let (State::Closed { failed }, Some(stream), true) = (&mut self.state, stream, is_it_the_audio) {
            if !failed.contains(&stream) {
                failed.push(stream);
            }
            if failed.len() < FAILED_STREAMS {
                return false;
            }
        }
        // One failure counts once, however many streams had the engine.
        if matches!(self.state, State::Open { .. }) && stream.is_some() {
            return false;
        }
        // It did not begin yet: once it is there, all may ask.
        if is_absent(error) {
            self.state = State::Open { until: now };
            return true;
        }
        let wanted = match error {
            EngineError::RateLimited { retry_after } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let pause = OPEN_FIRST.saturating_mul(1 << self.opened.min(10)).min(OPEN_MOST);
        let pause = pause / 2 + pause.mul_f64(chance() / 2.0);
        self.opened += 1;
        self.state = State::Open { until: now + pause.max(wanted.min(10 * OPEN_MOST)) };
        true
    }

    /// Until when nobody may ask, if so.
    pub(super) fn open_until(&self) -> Option<Instant> {
        match self.state {
            State::Open { until } => Some(until),
            _ => None,
        }
    }

    /// A word for a page or a metric.
    pub(super) fn word(&self) -> &'static str {
        match self.state {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half_open",
        }
    }
}

/// Whether the engine is not on this machine, or not whole.
pub(super) fn is_absent(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::NotInstalled { .. }
            | EngineError::Corrupted { .. }
            | EngineError::NoModelDir
            | EngineError::Runtime { .. }
    )
}

/// From 0 to 1, another every time.
fn chance() -> f64 {
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crash() -> EngineError {
        EngineError::Failed { detail: "crash".into() }
    }

    fn gone() -> EngineError {
        EngineError::Unreachable { detail: "gone".into() }
    }

    fn closed(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(now);
        assert!(!breaker.admits(1, now), "not before it is loaded");
        breaker.loaded();
        assert!(breaker.admits(1, now));
        breaker
    }

    #[test]
    fn one_stream_that_an_engine_fails_on_takes_it_from_nobody() {
        let now = Instant::now();
        let mut breaker = closed(now);
        for _ in 0..10 {
            assert!(!breaker.failed(Some(1), &crash(), now));
        }
        assert!(breaker.admits(2, now));
    }

    #[test]
    fn failures_of_several_streams_in_a_row_open_it_and_success_between_them_does_not() {
        let now = Instant::now();
        let mut breaker = closed(now);
        for stream in 0..20 {
            assert!(!breaker.failed(Some(stream), &crash(), now));
            breaker.worked(true);
        }
        assert!(!breaker.failed(Some(1), &crash(), now));
        assert!(!breaker.failed(Some(2), &crash(), now));
        assert!(breaker.failed(Some(3), &crash(), now));
        assert!(!breaker.admits(4, now));
    }

    #[test]
    fn an_engine_that_is_not_there_opens_it_at_once_and_once() {
        let now = Instant::now();
        let mut breaker = closed(now);
        assert!(breaker.failed(Some(1), &gone(), now));
        let until = breaker.open_until().unwrap();
        // The other 200 streams tell the same.
        for stream in 2..200 {
            assert!(!breaker.failed(Some(stream), &gone(), now));
        }
        assert_eq!(breaker.open_until(), Some(until));
    }

    #[test]
    fn trials_are_one_at_a_time() {
        let now = Instant::now();
        let mut breaker = closed(now);
        breaker.failed(Some(1), &gone(), now);
        breaker.loaded();
        assert!(breaker.admits(2, now) && breaker.admits(3, now));
        breaker.asked(2, now);
        assert!(breaker.admits(2, now) && !breaker.admits(3, now));
        assert!(breaker.left(2), "and a trial that ends without a result makes way");
        breaker.asked(3, now);
        assert!(!breaker.admits(2, now));
        assert!(breaker.admits(2, now + TRIAL), "as does one that shows nothing");
        assert!(breaker.worked(true));
        assert!(breaker.admits(4, now));
    }

    #[test]
    fn trials_are_jittered_and_the_rarer_the_more_fail() {
        let now = Instant::now();
        let pauses = |failures: usize| -> Vec<Duration> {
            let mut pauses: Vec<Duration> = (0..20)
                .map(|_| {
                    let mut breaker = closed(now);
                    for _ in 0..failures {
                        breaker.failed(Some(1), &gone(), now);
                        breaker.loaded();
                    }
                    breaker.failed(Some(1), &gone(), now);
                    breaker.open_until().unwrap() - now
                })
                .collect();
            pauses.sort();
            pauses.dedup();
            pauses
        };
        let (first, fifth, hundredth) = (pauses(0), pauses(4), pauses(100));
        assert!(first.len() > 10, "everybody at another time: {first:?}");
        assert!(first.last().unwrap() <= &OPEN_FIRST);
        assert!(fifth.first().unwrap() >= &(8 * OPEN_FIRST) && fifth.last().unwrap() <= &(16 * OPEN_FIRST));
        assert!(hundredth.last().unwrap() <= &OPEN_MOST);
    }

    #[test]
    fn hearing_silence_is_no_reason_to_forget_that_it_fails() {
        let now = Instant::now();
        let mut breaker = closed(now);
        for _ in 0..5 {
            breaker.failed(Some(1), &gone(), now);
            breaker.loaded();
            breaker.worked(false);
        }
        breaker.failed(Some(1), &gone(), now);
        assert!(breaker.open_until().unwrap() - now > 10 * OPEN_FIRST);
    }

    #[test]
    fn a_rate_limit_is_kept() {
        let now = Instant::now();
        let mut breaker = closed(now);
        let limited = EngineError::RateLimited { retry_after: Some(Duration::from_secs(42)) };
        breaker.failed(Some(1), &limited, now);
        assert_eq!(breaker.open_until(), Some(now + Duration::from_secs(42)));
    }
}

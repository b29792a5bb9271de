use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

/// How fast a source that is not live yields its frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    speed: Option<f64>,
}

/// A speed is a number from 0.01 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the speed {0} is not between 0.01 and 1000")]
pub struct InvalidSpeed(f64);

impl Pace {
    /// As a microphone would.
    pub const REAL_TIME: Self = Self { speed: Some(1.0) };

    /// As fast as it is polled; needs no runtime.
    pub const UNPACED: Self = Self { speed: None };

    /// `speed` times faster than real time.
    pub fn times(speed: f64) -> Result<Self, InvalidSpeed> {
        // A frame every 10 us is more than a timer can do, one a second less than a link is made for.
        if (0.01..=1000.0).contains(&speed) {
            Ok(Self { speed: Some(speed) })
        } else {
            Err(InvalidSpeed(speed))
        }
    }

    /// How many times faster than real time; `None`: unpaced.
    pub fn speed(self) -> Option<f64> {
        self.speed
    }
}

/// Lets time pass before frames, on tokio's clock. Due times are counted from the start, so none drifts.
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    start: Option<tokio::time::Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Pacer {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, start: None, sleep: None }
    }

    /// Ready when the audio from `from` to `to` (stream times) is spoken; says when its first sample was. The clock
    /// starts with the first call.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>, from: Duration, to: Duration) -> Poll<Instant> {
        let Some(speed) = self.pace.speed else {
            return Poll::Ready(tokio::time::Instant::now().into_std());
        };
        let start = *self.start.get_or_insert_with(tokio::time::Instant::now);
        let due = start + to.div_f64(speed);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready((start + from.div_f64(speed)).into_std())
    }
}

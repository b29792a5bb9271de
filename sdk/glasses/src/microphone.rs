use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use glasslink_audio::{Captured, Source, SourceError};
use glasslink_protocol::{GapCause, StreamFormat};
use tokio::time::Instant;

/// Frames wait this long for whoever takes them; then the oldest go. As long as the session's own buffer.
const KEPT: Duration = Duration::from_secs(90);
/// Time without audio that firmware queues and radios do not explain.
const HOLE: Duration = Duration::from_secs(1);

/// Where the packets of a microphone become a stream of frames without holes.
#[derive(Clone)]
pub(crate) struct Ear(Arc<Mutex<State>>);

struct State {
    /// As the device says it; the model's until then.
    format: Option<StreamFormat>,
    queue: VecDeque<Heard>,
    /// Frames in `queue`.
    waiting: u64,
    overflowed: u64,
    waker: Option<Waker>,
    /// Which [`Microphone`] is listening, counted.
    listener: u64,
    listening: bool,
    ended: bool,
    last: Option<Instant>,
    interrupted: bool,
}

/// What a microphone yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Frame { bytes: Vec<u8>, captured_at: Instant },
    Gap { frames: u64, cause: GapCause },
}

type Switch = Box<dyn Fn(bool) + Send + Sync>;

/// The frames of the glasses' microphone, as the device encoded them. The microphone is on while this lives.
///
/// A frame that the radio lost is a gap `radio`; time without a microphone (an arm out of range, the glasses in
/// their case) is a gap `absent`. Frames nobody takes for 90 s are a gap `overflow`. It ends when another one is
/// opened, and when the device changes its format.
pub struct Microphone {
    ear: Ear,
    format: StreamFormat,
    listener: u64,
    switch: Switch,
}

impl Ear {
    pub(crate) fn new(format: Option<StreamFormat>) -> Self {
        Self(Arc::new(Mutex::new(State {
            format,
            queue: VecDeque::new(),
            waiting: 0,
            overflowed: 0,
            waker: None,
            listener: 0,
            listening: false,
            ended: false,
            last: None,
            interrupted: false,
        })))
    }

    pub(crate) fn listen(&self, switch: impl Fn(bool) + Send + Sync + 'static) -> Option<Microphone> {
        let (format, listener) = {
            let mut state = self.lock();
            let format = state.format?;
            state.listener += 1;
            state.listening = true;
            state.queue.clear();
            (state.waiting, state.overflowed) = (0, 0);
            (state.last, state.interrupted, state.ended) = (None, false, false);
            state.wake();
            (format, state.listener)
        };
        switch(true);
        Some(Microphone { ear: self.clone(), format, listener, switch: Box::new(switch) })
    }

    /// Nothing more is to be heard; what waits is still taken.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        (state.ended, state.listening) = (true, false);
        state.wake();
    }

    /// The device said what its frames are.
    pub(crate) fn set_format(&self, format: StreamFormat) {
        let mut state = self.lock();
        if state.format.is_some_and(|known| known != format) {
            state.ended = true;
            state.wake();
        }
        state.format = Some(format);
    }

    /// `lost` frames are missing before `frames`, which ended just now.
    pub(crate) fn audio(&self, lost: u64, frames: Vec<Vec<u8>>) {
        let mut state = self.lock();
        let Some(format) = state.format.filter(|_| state.listening) else { return };
        let now = Instant::now();
        let carried = format.duration(lost + frames.len() as u64);
        if let Some(last) = state.last {
            let hole = now.saturating_duration_since(last).saturating_sub(carried);
            if state.interrupted || hole > HOLE {
                state.gap(format.frames_in(hole), GapCause::Absent);
            }
        }
        (state.last, state.interrupted) = (Some(now), false);
        state.gap(lost, GapCause::Radio);
        let count = frames.len() as u64;
        for (at, bytes) in (0..).zip(frames) {
            let captured_at = now.checked_sub(format.duration(count - at)).unwrap_or(now);
            state.queue.push_back(Heard::Frame { bytes, captured_at });
            state.waiting += 1;
        }
        let bound = format.frames_in(KEPT);
        while state.waiting > bound
            && let Some(oldest) = state.queue.pop_front()
        {
            let frames = oldest.frames();
            state.waiting -= frames;
            state.overflowed += frames;
        }
        state.wake();
    }

    /// The microphone stops here; when it goes on, the time between is a gap.
    pub(crate) fn interrupted(&self) {
        self.lock().interrupted = true;
    }

    pub(crate) fn last_audio(&self) -> Option<Instant> {
        self.lock().last
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn gap(&mut self, frames: u64, cause: GapCause) {
        if frames == 0 {
            return;
        }
        self.waiting += frames;
        if let Some(Heard::Gap { frames: more, cause: same }) = self.queue.back_mut()
            && *same == cause
        {
            *more += frames;
        } else {
            self.queue.push_back(Heard::Gap { frames, cause });
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Heard {
    fn frames(&self) -> u64 {
        match self {
            Self::Frame { .. } => 1,
            Self::Gap { frames, .. } => *frames,
        }
    }
}

impl Source for Microphone {
    fn format(&self) -> StreamFormat {
        self.format
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        frame.clear();
        self.poll_heard(cx).map(|heard| {
            Ok(heard.map(|heard| match heard {
                Heard::Frame { bytes, captured_at } => {
                    *frame = bytes;
                    Captured::Frame { captured_at: captured_at.into_std() }
                }
                Heard::Gap { frames, cause } => Captured::Gap { frames, cause },
            }))
        })
    }
}

impl Microphone {
    pub(crate) fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        let mut state = self.ear.lock();
        if state.listener != self.listener {
            return Poll::Ready(None);
        }
        if state.overflowed > 0 {
            let frames = std::mem::take(&mut state.overflowed);
            return Poll::Ready(Some(Heard::Gap { frames, cause: GapCause::Overflow }));
        }
        match state.queue.pop_front() {
            Some(heard) => {
                state.waiting -= heard.frames();
                Poll::Ready(Some(heard))
            }
            None if state.ended => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        let current = {
            let mut state = self.ear.lock();
            let current = state.listener == self.listener;
            if current {
                state.listening = false;
                state.queue.clear();
                state.waiting = 0;
            }
            current
        };
        if current {
            (self.switch)(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ear() -> Ear {
        Ear::new(Some(StreamFormat::lc3(16_000, 20).unwrap()))
    }

    fn drain(microphone: &mut Microphone) -> Vec<Heard> {
        let mut all = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(heard)) = microphone.poll_heard(&mut cx) {
            all.push(heard);
        }
        all
    }

    fn packet() -> Vec<Vec<u8>> {
        vec![vec![7; 20]; 10]
    }

    #[tokio::test(start_paused = true)]
    async fn lost_frames_are_a_gap_before_what_follows() {
        let ear = ear();
        let mut microphone = ear.listen(|_| {}).unwrap();
        ear.audio(0, packet());
        ear.audio(20, packet());
        let heard = drain(&mut microphone);
        assert_eq!(heard.len(), 21);
        assert_eq!(heard[10], Heard::Gap { frames: 20, cause: GapCause::Radio });
    }

    #[tokio::test(start_paused = true)]
    async fn time_without_a_microphone_is_absent_to_the_frame() {
        let ear = ear();
        let mut microphone = ear.listen(|_| {}).unwrap();
        ear.audio(0, packet());
        ear.interrupted();
        tokio::time::advance(Duration::from_millis(2350)).await;
        ear.audio(0, packet());
        assert_eq!(drain(&mut microphone)[10], Heard::Gap { frames: 225, cause: GapCause::Absent });
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_takes_becomes_one_gap_and_the_newest_stays() {
        let ear = ear();
        let mut microphone = ear.listen(|_| {}).unwrap();
        for _ in 0..910 {
            tokio::time::advance(Duration::from_millis(100)).await;
            ear.audio(0, packet());
        }
        let heard = drain(&mut microphone);
        assert_eq!(heard[0], Heard::Gap { frames: 100, cause: GapCause::Overflow });
        assert_eq!(heard.len(), 9001);
    }

    #[tokio::test(start_paused = true)]
    async fn the_microphone_is_on_while_somebody_listens() {
        let switched = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&switched);
        let ear = ear();
        let mut first = ear.listen(|_| {}).unwrap();
        let second = ear.listen(move |on| record.lock().unwrap().push(on)).unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(first.poll_heard(&mut cx), Poll::Ready(None));
        drop(first);
        drop(second);
        assert_eq!(*switched.lock().unwrap(), [true, false]);
    }
}

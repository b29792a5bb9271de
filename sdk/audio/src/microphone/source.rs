use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use glasslink_protocol::StreamFormat;
use tokio::sync::watch;
use tokio::time::Sleep;

use super::defaults::TICK;
use super::port::{MakeHost, Port, ThreadPort};
use super::supervisor::Supervisor;
use super::{DeviceChoice, InputHost, MicrophoneState, MicrophoneStats, OpenMicrophoneError};
use crate::clock::now;
use crate::{Captured, Source, SourceError};

/// A microphone, or what the computer plays, as PCM frames of 10 ms.
///
/// It ends when it is stopped, and never by itself: a device that fails is opened again, another one takes its place,
/// and the time without is a gap, so that frames and gaps together are the time since the first frame. It does what it
/// does when it is polled; audio waits 5 s for that.
pub struct Microphone {
    supervisor: Supervisor,
    format: StreamFormat,
    shared: Arc<Shared>,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// Says what a [`Microphone`] does, and tells it what to do. Clones are the same.
#[derive(Clone, Debug)]
pub struct MicrophoneControl {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    wishes: Mutex<Wishes>,
    state: watch::Sender<MicrophoneState>,
    stats: Mutex<MicrophoneStats>,
}

#[derive(Debug, Default)]
struct Wishes {
    pause: Option<bool>,
    stop: bool,
    rearm: bool,
    choice: Option<DeviceChoice>,
}

impl Microphone {
    /// Opens a device of this system, to be yielded at `sample_rate` hertz, and waits until audio comes from it.
    pub async fn open(choice: DeviceChoice, sample_rate: u32) -> Result<Self, OpenMicrophoneError> {
        Self::open_on(|| Box::new(super::platform::CpalHost::new()), choice, sample_rate).await
    }

    /// The same on any host. `make` is called on the thread that uses the host, again for each thread that hung.
    pub async fn open_on(
        make: impl Fn() -> Box<dyn InputHost> + Send + Sync + 'static,
        choice: DeviceChoice,
        sample_rate: u32,
    ) -> Result<Self, OpenMicrophoneError> {
        let make: MakeHost = Box::new(make);
        let mut microphone = Self::on(Box::new(ThreadPort::new(make)), choice, sample_rate)?;
        microphone.begin().await?;
        Ok(microphone)
    }

    pub(super) fn on(
        port: Box<dyn Port>,
        choice: DeviceChoice,
        sample_rate: u32,
    ) -> Result<Self, OpenMicrophoneError> {
        let wrong_rate = OpenMicrophoneError::SampleRate(sample_rate);
        if !sample_rate.is_multiple_of(100) {
            return Err(wrong_rate);
        }
        let format = StreamFormat::pcm(sample_rate).map_err(|_| wrong_rate)?;
        let shared = Shared {
            wishes: Mutex::default(),
            state: watch::Sender::new(MicrophoneState::Opening),
            stats: Mutex::default(),
        };
        let supervisor = Supervisor::new(port, choice, format);
        Ok(Self { supervisor, format, shared: Arc::new(shared), sleep: None })
    }

    pub fn control(&self) -> MicrophoneControl {
        MicrophoneControl { shared: Arc::clone(&self.shared) }
    }

    /// Waits until audio comes, or it is clear that none will.
    pub(super) async fn begin(&mut self) -> Result<(), OpenMicrophoneError> {
        std::future::poll_fn(|cx| {
            loop {
                self.tick();
                if let MicrophoneState::Capturing { .. } | MicrophoneState::Stopped = self.supervisor.state()
                {
                    return Poll::Ready(Ok(()));
                }
                if let Some(cause) = self.supervisor.hopeless(now()) {
                    return Poll::Ready(Err(OpenMicrophoneError::Device { cause }));
                }
                ready!(self.poll_tick(cx));
            }
        })
        .await
    }

    fn tick(&mut self) {
        let now = now();
        let Wishes { pause, stop, rearm, choice } = std::mem::take(&mut *self.shared.wishes());
        if let Some(choice) = choice {
            self.supervisor.choose(choice);
        }
        match pause {
            Some(true) => self.supervisor.pause(),
            Some(false) => self.supervisor.resume(),
            None => {}
        }
        if rearm {
            self.supervisor.rearm(now);
        }
        if stop {
            self.supervisor.stop(now);
        }
        self.supervisor.tick(now);
        let state = self.supervisor.state();
        self.shared.state.send_if_modified(|known| {
            let has_changed = *known != state;
            if has_changed {
                *known = state;
            }
            has_changed
        });
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.supervisor.stats();
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(TICK)));
        ready!(sleep.as_mut().poll(cx));
        sleep.as_mut().reset(tokio::time::Instant::now() + TICK);
        Poll::Ready(())
    }
}

impl MicrophoneControl {
    pub fn state(&self) -> MicrophoneState {
        self.shared.state.borrow().clone()
    }

    /// The state as it changes.
    pub fn watch_state(&self) -> watch::Receiver<MicrophoneState> {
        self.shared.state.subscribe()
    }

    pub fn stats(&self) -> MicrophoneStats {
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the device; the time until [`resume`](Self::resume) is a gap.
    pub fn pause(&self) {
        self.shared.wishes().pause = Some(true);
    }

    pub fn resume(&self) {
        self.shared.wishes().pause = Some(false);
    }

    /// Goes on with another device.
    pub fn choose(&self, choice: DeviceChoice) {
        self.shared.wishes().choice = Some(choice);
    }

    /// Tries again, for a person who has mended what was wrong.
    pub fn rearm(&self) {
        self.shared.wishes().rearm = true;
    }

    /// Ends the source, when it has yielded what was captured until now.
    pub fn stop(&self) {
        self.shared.wishes().stop = true;
    }
}

impl Shared {
    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
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
        loop {
            if let Some(captured) = self.supervisor.take(frame) {
                return Poll::Ready(Ok(Some(captured)));
            }
            if self.supervisor.is_over() {
                return Poll::Ready(Ok(None));
            }
            ready!(self.poll_tick(cx));
            self.tick();
        }
    }

    fn rearm(&mut self) {
        self.supervisor.stalled(now());
    }

    fn pause(&mut self, paused: bool) -> bool {
        if paused {
            self.supervisor.pause();
        } else {
            self.supervisor.resume();
        }
        true
    }
}

impl std::fmt::Debug for Microphone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Microphone").field("state", &self.supervisor.state()).finish_non_exhaustive()
    }
}

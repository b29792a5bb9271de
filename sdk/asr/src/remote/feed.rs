use std::collections::VecDeque;
use std::future::Future;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::engine::{EngineError, EngineEvent, EventSink, MAX_PENDING, Recognition};

/// What a recognition was given, in order.
#[derive(Debug)]
pub(crate) enum Fed {
    Audio(Vec<i16>),
    Skip(u64),
    /// No more comes.
    Finish,
}

/// The engine's end of a recognition.
pub(crate) struct Feed {
    fed: mpsc::UnboundedReceiver<Fed>,
    said: Said,
}

#[derive(Clone)]
struct Said {
    events: Arc<Mutex<EventSink>>,
    transcribed: Arc<AtomicU64>,
}

impl Said {
    fn say(&self, event: EngineEvent) {
        if let EngineEvent::Transcribed { to } = event {
            self.transcribed.store(to, Ordering::Relaxed);
        }
        (self.events.lock().unwrap_or_else(PoisonError::into_inner))(event);
    }
}

impl Feed {
    /// A recognition that `work` does, as a task. What goes wrong in it, a panic included, is told as
    /// [`EngineEvent::Failed`].
    pub(crate) fn open<W>(
        handle: &Handle,
        events: EventSink,
        work: impl FnOnce(Self) -> W,
    ) -> Box<dyn Recognition>
    where
        W: Future<Output = Result<(), EngineError>> + Send + 'static,
    {
        // Bounded by what `push` takes.
        let (sender, fed) = mpsc::unbounded_channel();
        let said = Said { events: Arc::new(Mutex::new(events)), transcribed: Arc::default() };
        let transcribed = Arc::clone(&said.transcribed);
        let work = work(Self { fed, said: said.clone() });
        let task = handle.spawn(async move {
            let ended = AssertUnwindSafe(work)
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(EngineError::Failed { detail: "the engine panicked".to_owned() }));
            if let Err(error) = ended {
                said.say(EngineEvent::Failed(error));
            }
        });
        let task = task.abort_handle();
        let skipped = VecDeque::new();
        Box::new(RemoteRecognition { sender, transcribed, offered: 0, skipped, finished: false, task })
    }

    /// `None` when nobody wants the text any more.
    pub(crate) async fn next(&mut self) -> Option<Fed> {
        self.fed.recv().await
    }

    pub(crate) fn say(&self, event: EngineEvent) {
        self.said.say(event);
    }
}

struct RemoteRecognition {
    sender: mpsc::UnboundedSender<Fed>,
    transcribed: Arc<AtomicU64>,
    /// Everything pushed and skipped.
    offered: u64,
    /// What was skipped and may not be settled, in positions: it takes no room.
    skipped: VecDeque<Range<u64>>,
    finished: bool,
    task: AbortHandle,
}

impl Recognition for RemoteRecognition {
    fn push(&mut self, pcm: &[i16]) -> usize {
        let room = if self.finished { 0 } else { MAX_PENDING.saturating_sub(self.pending()) as usize };
        let taken = &pcm[..pcm.len().min(room)];
        if taken.is_empty() || self.sender.send(Fed::Audio(taken.to_vec())).is_err() {
            return 0;
        }
        self.offered += taken.len() as u64;
        taken.len()
    }

    fn skip(&mut self, samples: u64) {
        if !self.finished && samples > 0 && self.sender.send(Fed::Skip(samples)).is_ok() {
            let transcribed = self.transcribed.load(Ordering::Relaxed);
            self.skipped.retain(|gap| gap.end > transcribed);
            let from = self.offered;
            self.offered += samples;
            self.skipped.push_back(from..self.offered);
        }
    }

    fn finish(&mut self) {
        if !std::mem::replace(&mut self.finished, true) {
            let _ = self.sender.send(Fed::Finish);
        }
    }

    fn pending(&self) -> u64 {
        let transcribed = self.transcribed.load(Ordering::Relaxed);
        let skipped: u64 =
            self.skipped.iter().map(|gap| gap.end.saturating_sub(gap.start.max(transcribed))).sum();
        self.offered.saturating_sub(transcribed + skipped)
    }
}

impl Drop for RemoteRecognition {
    fn drop(&mut self) {
        self.task.abort();
    }
}

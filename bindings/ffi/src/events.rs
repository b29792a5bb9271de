use std::sync::Arc;

use glasslink::{Event, Events, TranscriptEvent};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::state::{EngineStatus, LinkState};
use crate::task_handle::TaskHandle;
use crate::transcript::{Final, Gap, Partial};

/// Events a listener gets at once.
const MAX_AT_ONCE: usize = 256;

/// What happens on a link.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LinkEvent {
    /// Never the same twice in a row.
    StateChanged { state: LinkState },
    /// The session lives in this epoch from here on.
    EpochBegan { epoch: u64 },
    /// What `stream` captured goes on as stream `by`, which goes first: after a long outage nobody waits for the backlog.
    StreamContinued { stream: u32, at: u64, by: u32 },
    /// The link is live and a live source that is not paused gave no frame for 3 s: re-arm it now, for the `rearm`th time.
    AudioStalled { stream: u32, rearm: u32 },
    /// Frames come again, after it was re-armed `rearms` times.
    AudioRecovered { stream: u32, rearms: u32 },
    /// Re-arming the source did not help: the person has to look after it.
    AudioLost { stream: u32 },
    /// The relay can make nothing of the frames that were pushed: end the stream, and open one of PCM that continues it.
    SamplesWanted { stream: u32 },
    /// Frames will never reach the relay. The same gap comes back as `TranscriptGap`.
    AudioGap { gap: Gap },
    /// Text that may still change.
    PartialTranscript { heard: Partial },
    /// Text that never changes again.
    FinalTranscript { epoch: u64, number: u64, said: Final },
    /// A hole in the transcript.
    TranscriptGap { epoch: u64, number: u64, gap: Gap },
    /// Every final of the frames before `to` has been told.
    Transcribed { stream: u32, to_frame: u64 },
    /// The relay keeps every frame before `next`.
    Kept { stream: u32, next_frame: u64 },
    /// Every frame of the stream is kept, and the relay knows its end.
    StreamKept { stream: u32 },
    /// Transcript events were no longer kept by the relay.
    HistoryTruncated { epoch: u64, from_number: u64, to_number: u64 },
    /// What the relay says of its speech engine.
    EngineChanged { engine: EngineStatus },
    /// The relay said why it is about to close, or that a message was wrong.
    RelayError { code: String, reason: String, remedy: String },
    /// This listener was too slow and missed so many events; the link's transcript still has what they said.
    Lagged { missed: u64 },
    /// Something that a later version tells apart.
    Unknown { code: String },
}

/// What a listener may raise. It is logged, and the listener goes on to be called.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum ListenerError {
    #[error("{reason}")]
    Failed { reason: String },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ListenerError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}

/// Hears what happens on a link, in order. Called on a thread of this library, never two at a time; a slow listener slows
/// nobody but itself.
#[uniffi::export(foreign)]
pub trait EventListener: Send + Sync {
    /// What happened since the last call; one event or more.
    fn events(&self, events: Vec<LinkEvent>) -> Result<(), ListenerError>;

    /// The link is closed; nothing more comes.
    fn ended(&self) -> Result<(), ListenerError>;
}

impl Subscription {
    /// Goes on until the link ends, whoever holds it.
    pub(crate) fn detach(&self) {
        self.task.detach();
    }
}

/// A listener at work: until this is cancelled or dropped, or the link ends.
#[derive(Debug, uniffi::Object)]
pub struct Subscription {
    task: Arc<TaskHandle>,
    flushes: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

#[uniffi::export]
impl Subscription {
    /// Ends it. Once more is nothing.
    pub fn cancel(&self) {
        self.task.cancel();
    }

    /// Waits until the listener has heard everything that happened before.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        // One that is over has told everything.
        let _ = self.flushes.send(done);
        let _ = flushed.await;
    }
}

/// Tells `listener` of `events` until it is cancelled or the link ends.
pub(crate) fn tell(mut events: Events, listener: Arc<dyn EventListener>) -> Arc<Subscription> {
    let (flushes, mut requests) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
    let task = TaskHandle::spawn(async move {
        loop {
            let first = tokio::select! {
                biased;
                first = events.next() => first,
                Some(done) = requests.recv() => {
                    let _ = done.send(());
                    continue;
                }
            };
            let Some(first) = first else { break };
            let mut batch = vec![first.into()];
            while batch.len() < MAX_AT_ONCE
                && let Some(next) = events.try_next()
            {
                batch.push(next.into());
            }
            call(&listener, move |listener| listener.events(batch)).await;
        }
        call(&listener, |listener| listener.ended()).await;
    });
    Arc::new(Subscription { task, flushes })
}

/// A foreign function may take its time: it is not called on a thread that a link runs on.
async fn call<F>(listener: &Arc<dyn EventListener>, call: F)
where
    F: FnOnce(&dyn EventListener) -> Result<(), ListenerError> + Send + 'static,
{
    let listener = Arc::clone(listener);
    match spawn_blocking(move || call(&*listener)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "a listener failed"),
        Err(error) => tracing::error!(%error, "a listener panicked"),
    }
}

impl From<Result<Event, glasslink::Lagged>> for LinkEvent {
    fn from(event: Result<Event, glasslink::Lagged>) -> Self {
        match event {
            Ok(event) => event.into(),
            Err(lagged) => Self::Lagged { missed: lagged.missed },
        }
    }
}

impl From<Event> for LinkEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::State(state) => Self::StateChanged { state: state.into() },
            Event::Epoch(epoch) => Self::EpochBegan { epoch: epoch.0 },
            Event::Continued { stream, at, by } => {
                Self::StreamContinued { stream: stream.0, at: at.0, by: by.0 }
            }
            Event::AudioStalled { stream, rearm } => Self::AudioStalled { stream: stream.0, rearm },
            Event::AudioRecovered { stream, rearms } => Self::AudioRecovered { stream: stream.0, rearms },
            Event::AudioLost { stream } => Self::AudioLost { stream: stream.0 },
            Event::SendPcm { stream } => Self::SamplesWanted { stream: stream.0 },
            Event::Gap(gap) => Self::AudioGap { gap: gap.into() },
            Event::Partial(partial) => Self::PartialTranscript { heard: partial.into() },
            Event::Transcript { epoch, number, event: TranscriptEvent::Final(said) } => {
                Self::FinalTranscript { epoch: epoch.0, number: number.0, said: said.into() }
            }
            Event::Transcript { epoch, number, event: TranscriptEvent::Gap(gap) } => {
                Self::TranscriptGap { epoch: epoch.0, number: number.0, gap: gap.into() }
            }
            Event::Transcribed { stream, to } => Self::Transcribed { stream: stream.0, to_frame: to.0 },
            Event::Kept { stream, next } => Self::Kept { stream: stream.0, next_frame: next.0 },
            Event::StreamKept(stream) => Self::StreamKept { stream: stream.0 },
            Event::HistoryTruncated { epoch, from, to } => {
                Self::HistoryTruncated { epoch: epoch.0, from_number: from.0, to_number: to.0 }
            }
            Event::Engine { state, message, remedy, speech_to } => {
                let engine = glasslink::Engine { state, message, remedy, speech_to };
                Self::EngineChanged { engine: engine.into() }
            }
            Event::Display(_) => Self::Unknown { code: "display".to_owned() },
            Event::App(_) => Self::Unknown { code: "app".to_owned() },
            Event::RelayError(report) => {
                Self::RelayError { code: report.code, reason: report.message, remedy: report.remedy }
            }
        }
    }
}

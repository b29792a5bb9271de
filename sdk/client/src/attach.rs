use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;
use glasslink_audio::journal::{Journal, Recorder, StreamInfo, WriteError};
use glasslink_audio::{Captured, Source, SourceError, SourceExt};
use glasslink_protocol::{StreamFormat, StreamId};
use glasslink_session::{Event, OpenError, PushError};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};

use crate::clock;
use crate::events::Events;
use crate::journal::LinkSink;
use crate::shared::Shared;
use crate::stream::AudioStream;

/// A source whose frames a task takes and sends. Dropping this leaves the task at work; it ends with its source, or
/// with the link. A source that stops while the link is live is armed again
/// ([`Source::rearm`], [`Event::AudioStalled`](crate::Event::AudioStalled)).
#[derive(Debug)]
pub struct AttachedSource {
    shared: Arc<Shared>,
    stream: StreamId,
    task: JoinHandle<Result<(), AttachError>>,
}

/// Stops and pauses an [`AttachedSource`], whoever waits for its end.
#[derive(Clone, Debug)]
pub struct AttachedControl {
    shared: Arc<Shared>,
    stream: StreamId,
    task: AbortHandle,
}

/// Why an attached source's stream ended early. What was taken before is on its way.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The source failed; its own message says what to do.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The stream took no more: the link was closed, or the source does not keep to its format.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The journal refused the stream.
    #[error(transparent)]
    Journal(#[from] WriteError),
    /// [`AttachedSource::stop`] was called, or the runtime ended.
    #[error("the source was stopped")]
    Stopped,
}

/// Why a source cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Give [`LinkBuilder::journal`](crate::LinkBuilder::journal) a store, or resume a recording.
    #[error("the link has no journal")]
    NoJournal,
    /// The link takes no more streams.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The journal refused the stream.
    #[error(transparent)]
    Journal(#[from] WriteError),
}

impl AttachedSource {
    /// Sends what `source` yields.
    pub(crate) fn pump(
        runtime: &Handle,
        shared: Arc<Shared>,
        source: impl Source + 'static,
        stream: AudioStream,
    ) -> Self {
        let id = stream.id();
        let sent = Arc::clone(&shared);
        Self::spawn(
            runtime,
            shared,
            id,
            |rearm| async move { pump(&sent, Fair { source, rearm }, stream).await },
        )
    }

    /// Records what `source` yields, and sends it from there.
    pub(crate) fn record(
        runtime: &Handle,
        shared: Arc<Shared>,
        source: impl Source + 'static,
        journal: Journal,
        info: StreamInfo,
        mut sink: LinkSink,
    ) -> Self {
        let id = sink.stream();
        Self::spawn(runtime, shared, id, |rearm| async move {
            let source = Fair { source, rearm };
            let recorder = Recorder::new(source, journal, id, &info, clock::utc_offset_min())?;
            let (_, ended) = recorder.run(&mut sink).await;
            Ok(ended?)
        })
    }

    fn spawn<W>(
        runtime: &Handle,
        shared: Arc<Shared>,
        stream: StreamId,
        work: impl FnOnce(Arc<Rearm>) -> W,
    ) -> Self
    where
        W: Future<Output = Result<(), AttachError>> + Send + 'static,
    {
        let rearm = Arc::new(Rearm::default());
        let work = work(Arc::clone(&rearm));
        let events = shared.subscribers.subscribe();
        let watched = Arc::clone(&shared);
        let task = runtime.spawn(async move {
            let shared = watched;
            tokio::select! {
                ended = work => ended,
                () = shared.ended() => Err(PushError::Closed.into()),
                () = watch(&shared, events, stream, &rearm) => Err(PushError::Closed.into()),
            }
        });
        Self { shared, stream, task }
    }

    /// The stream it began as. After a long outage it goes on as another
    /// ([`Event::Continued`](crate::Event::Continued)).
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// Takes no more from the source, and ends its stream.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// For whoever stops or pauses it while another waits for its end.
    pub fn control(&self) -> AttachedControl {
        AttachedControl {
            shared: Arc::clone(&self.shared),
            stream: self.stream,
            task: self.task.abort_handle(),
        }
    }

    /// Waits for the source's end.
    pub async fn ended(self) -> Result<(), AttachError> {
        self.task.await.unwrap_or(Err(AttachError::Stopped))
    }
}

impl AttachedControl {
    /// The source stands still on purpose, until its next frame: nobody is to re-arm it.
    pub fn pause(&self) {
        let stream = self.shared.last_of(self.stream);
        self.shared.with(|session, _| session.pause_stream(stream));
    }

    /// See [`AttachedSource::stop`].
    pub fn stop(&self) {
        self.task.abort();
    }
}

async fn pump(shared: &Shared, mut source: impl Source, stream: AudioStream) -> Result<(), AttachError> {
    let mut frame = Vec::new();
    while let Some(captured) = source.next(&mut frame).await? {
        match captured {
            Captured::Frame { captured_at } => {
                let pushed = shared.wait_for(|_| match stream.push_captured(&frame, captured_at) {
                    Err(PushError::Full) => None,
                    pushed => Some(pushed),
                });
                pushed.await?;
            }
            Captured::Gap { frames, cause } => stream.skip(frames, cause)?,
        }
    }
    Ok(())
}

/// Has the source of `stream` armed again whenever the session finds that it gives nothing. Ends with the link.
async fn watch(shared: &Shared, mut events: Events, stream: StreamId, rearm: &Rearm) {
    while let Some(event) = events.next().await {
        // A stall among events that were missed is told again, if it lasts.
        let Ok(Event::AudioStalled { stream: stalled, .. }) = event else { continue };
        if stalled == shared.last_of(stream) {
            rearm.ask();
        }
    }
}

/// Asks a source that another task polls to be armed again.
#[derive(Debug, Default)]
struct Rearm {
    is_wanted: AtomicBool,
    waker: AtomicWaker,
}

impl Rearm {
    fn ask(&self) {
        self.is_wanted.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn take(&self, cx: &Context<'_>) -> bool {
        self.waker.register(cx.waker());
        self.is_wanted.swap(false, Ordering::Acquire)
    }
}

/// A source that always has another frame must not keep the link from sending them: now and then it waits its turn.
/// One that has none is armed again when the session asks for it.
struct Fair<S> {
    source: S,
    rearm: Arc<Rearm>,
}

impl<S: Source> Source for Fair<S> {
    fn format(&self) -> StreamFormat {
        self.source.format()
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        let turn = ready!(tokio::task::coop::poll_proceed(cx));
        if self.rearm.take(cx) {
            self.source.rearm();
        }
        let polled = self.source.poll_next(cx, frame);
        if polled.is_ready() {
            turn.made_progress();
        }
        polled
    }

    fn rearm(&mut self) {
        self.source.rearm();
    }

    fn pause(&mut self, paused: bool) -> bool {
        self.source.pause(paused)
    }
}

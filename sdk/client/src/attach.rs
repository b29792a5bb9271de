use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;
use glasslink_audio::journal::{Journal, Recorder, StreamInfo, WriteError};
use glasslink_audio::{Captured, Source, SourceError, SourceExt};
use glasslink_protocol::{Codec, StreamFormat, StreamId};
use glasslink_session::{Event, OpenError, PushError, StreamOptions};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};
use tracing::{Instrument, info_span};

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
    /// It was to go on as another stream, and the link takes no more.
    #[error(transparent)]
    Open(#[from] OpenError),
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
        options: StreamOptions,
    ) -> Self {
        let (id, sent) = (stream.id(), Arc::clone(&shared));
        Self::spawn(runtime, shared, id, |asked| async move {
            let (mut source, mut stream) = (Fair::new(source, asked), stream);
            loop {
                pump(&sent, &mut source, &stream).await?;
                let earlier = stream.id();
                stream.end();
                if !source.goes_on() {
                    return Ok(());
                }
                let id = sent.go_on_as(earlier, source.format(), options.clone())?;
                stream = AudioStream::new(Arc::clone(&sent), id, source.format());
            }
        })
    }

    /// Records what `source` yields, and sends it from there.
    pub(crate) fn record(
        runtime: &Handle,
        shared: Arc<Shared>,
        source: impl Source + 'static,
        journal: Journal,
        sink: LinkSink,
        options: StreamOptions,
    ) -> Self {
        let (id, sent) = (sink.stream(), Arc::clone(&shared));
        Self::spawn(runtime, shared, id, |asked| async move {
            let (mut source, mut sink, mut continues) = (Fair::new(source, asked), sink, options.continues);
            loop {
                let info = StreamInfo { format: source.format(), continues, label: options.label.clone() };
                let offset = clock::utc_offset_min();
                let recorder = Recorder::new(&mut source, journal.clone(), sink.stream(), &info, offset)?;
                let (_, ended) = recorder.run(&mut sink).await;
                ended?;
                let earlier = sink.stream();
                drop(sink);
                if !source.goes_on() {
                    return Ok(());
                }
                sink = LinkSink::going_on(&sent, earlier, source.format(), &options)?;
                continues = Some(earlier);
            }
        })
    }

    fn spawn<W>(
        runtime: &Handle,
        shared: Arc<Shared>,
        stream: StreamId,
        work: impl FnOnce(Arc<Asked>) -> W,
    ) -> Self
    where
        W: Future<Output = Result<(), AttachError>> + Send + 'static,
    {
        let asked = Arc::new(Asked::default());
        let work = work(Arc::clone(&asked));
        let events = shared.subscribers.subscribe();
        let span = info_span!("link", trace = shared.trace.as_str());
        let watched = Arc::clone(&shared);
        let attached = async move {
            let shared = watched;
            tokio::select! {
                ended = work => ended,
                () = shared.ended() => Err(PushError::Closed.into()),
                () = watch(&shared, events, stream, &asked) => Err(PushError::Closed.into()),
            }
        };
        let task = runtime.spawn(attached.instrument(span));
        Self { shared, stream, task }
    }

    /// The stream it began as. After a long outage, and where the relay wants samples, it goes on as another
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

async fn pump(shared: &Shared, source: &mut impl Source, stream: &AudioStream) -> Result<(), AttachError> {
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

/// Asks of the source of `stream` what the session, or the relay, wants of it. Ends with the link.
async fn watch(shared: &Shared, mut events: Events, stream: StreamId, asked: &Asked) {
    while let Some(event) = events.next().await {
        match event {
            // A stall among events that were missed is told again, if it lasts.
            Ok(Event::AudioStalled { stream: stalled, .. }) if stalled == shared.last_of(stream) => {
                asked.for_it(&asked.rearm);
            }
            Ok(Event::SendPcm { stream: bad }) if bad == shared.last_of(stream) => asked.for_it(&asked.pcm),
            _ => {}
        }
    }
}

/// What is wanted of a source that another task polls.
#[derive(Debug, Default)]
struct Asked {
    /// To be armed again.
    rearm: AtomicBool,
    /// To give samples.
    pcm: AtomicBool,
    waker: AtomicWaker,
}

impl Asked {
    fn for_it(&self, what: &AtomicBool) {
        what.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// A source that always has another frame must not keep the link from sending them: now and then it waits its turn.
/// One that has none is armed again when the session asks for it; where the relay wants samples, and it has them, it
/// ends, and goes on with those.
struct Fair<S> {
    source: S,
    asked: Arc<Asked>,
    goes_on: bool,
}

impl<S> Fair<S> {
    fn new(source: S, asked: Arc<Asked>) -> Self {
        Self { source, asked, goes_on: false }
    }

    /// Whether what was its end is the beginning of something else.
    fn goes_on(&mut self) -> bool {
        std::mem::take(&mut self.goes_on)
    }
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
        self.asked.waker.register(cx.waker());
        if self.asked.rearm.swap(false, Ordering::Acquire) {
            self.source.rearm();
        }
        if self.asked.pcm.swap(false, Ordering::Acquire)
            && self.source.format().codec() != Codec::PcmS16le
            && self.source.give_pcm()
        {
            self.goes_on = true;
            turn.made_progress();
            return Poll::Ready(Ok(None));
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

use std::sync::Arc;

use glasslink_audio::{Captured, Source, SourceError, SourceExt};
use glasslink_protocol::StreamId;
use glasslink_session::PushError;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::shared::Shared;
use crate::stream::AudioStream;

/// A source whose frames a task takes and sends. Dropping this leaves the task at work; it ends with its source, or
/// with the link.
#[derive(Debug)]
pub struct AttachedSource {
    stream: StreamId,
    task: JoinHandle<Result<(), AttachError>>,
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
    /// [`AttachedSource::stop`] was called, or the runtime ended.
    #[error("the source was stopped")]
    Stopped,
}

impl AttachedSource {
    pub(crate) fn spawn(
        runtime: &Handle,
        shared: Arc<Shared>,
        source: impl Source + 'static,
        stream: AudioStream,
    ) -> Self {
        Self {
            stream: stream.id(),
            task: runtime.spawn(async move {
                tokio::select! {
                    ended = pump(&shared, source, stream) => ended,
                    () = shared.ended() => Err(PushError::Closed.into()),
                }
            }),
        }
    }

    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// Takes no more from the source, and ends its stream.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// Waits for the source's end.
    pub async fn ended(self) -> Result<(), AttachError> {
        self.task.await.unwrap_or(Err(AttachError::Stopped))
    }
}

async fn pump(shared: &Shared, mut source: impl Source, stream: AudioStream) -> Result<(), AttachError> {
    let mut frame = Vec::new();
    while let Some(captured) = source.next(&mut frame).await? {
        // A source that always has another frame must not keep the link from sending them.
        tokio::task::coop::consume_budget().await;
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

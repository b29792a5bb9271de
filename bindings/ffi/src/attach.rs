use std::sync::Arc;

use glasslink::audio::{FileSource, InvalidSpeed, Lc3Source, Pace, SPEECH_RATE, Source, speech};
use glasslink::{AttachedControl, Link};
use tokio::sync::watch;

use crate::error::{AudioError, format_error};
use crate::runtime;
use crate::stream::StreamOptions;

/// How a file is sent.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct FileOptions {
    /// Multiple of real time; 0 is as fast as the link takes it. Without it, real time.
    #[uniffi(default)]
    pub speed: Option<f64>,
    /// Bytes of an LC3 frame of 10 ms; without it, as many as speech needs.
    #[uniffi(default)]
    pub frame_bytes: Option<u32>,
}

impl FileOptions {
    pub(crate) fn open(&self, path: &str) -> Result<Box<dyn Source>, AudioError> {
        let pace = match self.speed {
            None => Pace::REAL_TIME,
            Some(0.0) => Pace::UNPACED,
            Some(speed) => Pace::times(speed).map_err(|error: InvalidSpeed| format_error(error))?,
        };
        let file = FileSource::open(path, SPEECH_RATE, pace)?;
        Ok(speech(file, self.frame_bytes.unwrap_or(Lc3Source::<FileSource>::FRAME_BYTES))?)
    }
}

/// A source whose frames are taken and sent: a file, or the microphone of glasses. Dropping it leaves it at work; it ends
/// with its source, or with the link.
#[derive(Debug, uniffi::Object)]
pub struct AttachedSource {
    stream: u32,
    control: AttachedControl,
    ended: watch::Receiver<Option<Result<(), AudioError>>>,
}

impl AttachedSource {
    pub(crate) fn attach(
        link: &Link,
        source: impl Source + 'static,
        options: StreamOptions,
    ) -> Result<Arc<Self>, AudioError> {
        let attached = link.attach(source, options.into())?;
        let (stream, control) = (attached.stream().0, attached.control());
        let (tell, ended) = watch::channel(None);
        runtime::handle().spawn(async move {
            let outcome = attached.ended().await.map_err(AudioError::from);
            let _ = tell.send(Some(outcome));
        });
        Ok(Arc::new(Self { stream, control, ended }))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ended.borrow().is_some()
    }

    pub(crate) fn pause(&self) {
        self.control.pause();
    }
}

#[uniffi::export]
impl AttachedSource {
    /// The stream it began as. After a long outage it goes on as another (`StreamContinued`).
    pub fn stream(&self) -> u32 {
        self.stream
    }

    /// Takes no more from the source, and ends its stream.
    pub fn stop(&self) {
        self.control.stop();
    }

    /// Waits for the source's end.
    pub async fn ended(&self) -> Result<(), AudioError> {
        let mut ended = self.ended.clone();
        runtime::run(async move {
            let outcome = ended.wait_for(Option::is_some).await;
            outcome.ok().and_then(|outcome| outcome.clone()).unwrap_or_else(|| Err(crate::error::ended()))
        })
        .await
    }
}

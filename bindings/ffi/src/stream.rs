use std::sync::{Arc, Mutex, PoisonError, Weak};

use glasslink::audio::{Lc3Source, PushedSource, Pusher, Source, speech};
use glasslink::{Link, StreamFormat, StreamId};

use crate::attach::AttachedSource;
use crate::error::{self, AudioError, format_error};

/// What is pushed into a stream.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum AudioFormat {
    /// Signed 16-bit little-endian samples, mono, at `sample_rate` hertz, in pushes of any size. They are sent as LC3 at
    /// 16 kHz, in frames of `frame_bytes` bytes; without, as many as speech needs.
    Pcm {
        sample_rate: u32,
        #[uniffi(default)]
        frame_bytes: Option<u32>,
    },
    /// LC3 frames of 10 ms and `frame_bytes` bytes each, one a push. They are sent as they are.
    Lc3 { sample_rate: u32, frame_bytes: u32 },
    /// Opus frames of `frame_samples` samples, one a push. They are sent as they are.
    Opus { sample_rate: u32, frame_samples: u32 },
}

/// What a stream is, beyond its format.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct StreamOptions {
    /// What a person calls the source.
    #[uniffi(default)]
    pub label: Option<String>,
    #[uniffi(default)]
    pub when_full: Option<WhenFull>,
    /// The stream this one goes on from.
    #[uniffi(default)]
    pub continues: Option<u32>,
}

/// What happens to a frame that comes to a full buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum WhenFull {
    /// The oldest frames make room and become a gap: the source is live and cannot wait.
    DropOldest,
    /// The source waits: it is a file and can.
    Refuse,
}

impl From<StreamOptions> for glasslink::StreamOptions {
    fn from(options: StreamOptions) -> Self {
        let defaults = Self::default();
        Self {
            label: options.label.unwrap_or(defaults.label),
            when_full: options.when_full.map_or(defaults.when_full, Into::into),
            continues: options.continues.map(StreamId),
            ..defaults
        }
    }
}

impl From<WhenFull> for glasslink::WhenFull {
    fn from(when: WhenFull) -> Self {
        match when {
            WhenFull::DropOldest => Self::DropOldest,
            WhenFull::Refuse => Self::Refuse,
        }
    }
}

/// Audio of the program's own on its way to the relay. Dropping it ends the stream.
#[derive(uniffi::Object)]
pub struct AudioStream {
    end: Arc<StreamEnd>,
    attached: Arc<AttachedSource>,
}

/// Where audio goes in; `None` once the stream has ended.
type StreamEnd = Mutex<Option<Pusher>>;

/// The streams of a link. What was pushed may still be on its way to the link when the program has forgotten its stream.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<Vec<(Weak<StreamEnd>, Arc<AttachedSource>)>>);

impl Streams {
    fn add(&self, stream: &AudioStream) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|(_, attached)| !attached.is_over());
        streams.push((Arc::downgrade(&stream.end), Arc::clone(&stream.attached)));
    }

    /// Ends each, and waits until the link has what was pushed.
    pub(crate) async fn end(&self) {
        let streams = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (end, _) in &streams {
            if let Some(end) = end.upgrade() {
                drop(end.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
        }
        for (_, attached) in &streams {
            // What kept it from the link was told as an event.
            let _ = attached.ended().await;
        }
    }
}

impl AudioStream {
    pub(crate) fn open(
        link: &Link,
        streams: &Streams,
        format: &AudioFormat,
        options: StreamOptions,
    ) -> Result<Arc<Self>, AudioError> {
        let (pusher, source) = source(format)?;
        let attached = AttachedSource::attach(link, source, options)?;
        let stream = Self { end: Arc::new(Mutex::new(Some(pusher))), attached };
        streams.add(&stream);
        Ok(Arc::new(stream))
    }
}

fn source(format: &AudioFormat) -> Result<(Pusher, Box<dyn Source>), AudioError> {
    let format = match *format {
        AudioFormat::Pcm { sample_rate, frame_bytes } => {
            let pcm = StreamFormat::pcm(sample_rate).map_err(format_error)?;
            let (pusher, source) = PushedSource::new(pcm);
            let frame_bytes = frame_bytes.unwrap_or(Lc3Source::<PushedSource>::FRAME_BYTES);
            return Ok((pusher, speech(source, frame_bytes)?));
        }
        AudioFormat::Lc3 { sample_rate, frame_bytes } => StreamFormat::lc3(sample_rate, frame_bytes),
        AudioFormat::Opus { sample_rate, frame_samples } => StreamFormat::opus(sample_rate, frame_samples),
    };
    let (pusher, source) = PushedSource::new(format.map_err(format_error)?);
    Ok((pusher, Box::new(source)))
}

#[uniffi::export]
impl AudioStream {
    /// The stream it began as. After a long outage it goes on as another (`StreamContinued`).
    pub fn id(&self) -> u32 {
        self.attached.stream()
    }

    /// Takes what was just captured. Never blocks: what finds no room makes the oldest a gap.
    ///
    /// A push that comes a second later than it should is preceded by a gap `Absent`, so that stream time moves with the
    /// clock.
    pub fn push(&self, audio: &[u8]) -> Result<(), AudioError> {
        let pusher = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let pusher = pusher.as_ref().ok_or_else(error::ended)?;
        Ok(pusher.push(audio)?)
    }

    /// Silence is meant, until the next push: nobody is to re-arm the source, and the time is a gap `Absent`.
    pub fn pause(&self) {
        if let Some(pusher) = &*self.end.lock().unwrap_or_else(PoisonError::into_inner) {
            pusher.pause();
            self.attached.pause();
        }
    }

    /// The stream ends behind what was pushed. Once more is nothing.
    pub fn end(&self) {
        drop(self.end.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

use anyhow::Result;
use glasslink::StreamId;
use glasslink::audio::journal::{Journal, PcmTee};
use glasslink::audio::{FileSource, Lc3Source, Resampled, Source};
use tokio_util::sync::CancellationToken;

use crate::args::NewOptions;
use crate::microphone::{self, Health, Opened};
use crate::stop::{Heard, Metered, Stoppable};

/// What is sent: what speech engines take, and 16 kbit/s, with which they hear no difference.
const SENT_RATE: u32 = 16_000;
const FRAME_BYTES: u32 = 20;
/// What is kept beside it.
const FULL_RATE: u32 = 48_000;

/// The first stream of a recording.
pub(crate) const STREAM: StreamId = StreamId(1);

/// What is recorded, before it is encoded.
pub(crate) struct Input {
    source: Box<dyn Source>,
    /// What a person calls it.
    pub(crate) label: String,
    /// What to write of it beside what is sent.
    full_quality: bool,
    /// How the device is.
    pub(crate) health: Health,
}

impl Input {
    pub(crate) async fn open(options: &NewOptions) -> Result<Self> {
        let rate = if options.small { SENT_RATE } else { FULL_RATE };
        let Some(path) = &options.from else {
            let Opened { source, label, health } = microphone::open(options, rate).await?;
            return Ok(Self { source, label, full_quality: !options.small, health });
        };
        let file = FileSource::open(path, rate, options.speed.0)?;
        let label = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let health = Health::good();
        Ok(Self { source: Box::new(file), label, full_quality: !options.small, health })
    }

    /// As frames that are sent, metered on the way, with the full quality going to `journal`; they end when `stop` is
    /// called.
    pub(crate) fn encoded(
        self,
        journal: &Journal,
        heard: Heard,
        stop: CancellationToken,
    ) -> Result<impl Source + use<>> {
        let metered = Metered::new(Stoppable::new(self.source, stop), heard);
        let source: Box<dyn Source> = if self.full_quality {
            Box::new(PcmTee::new(metered, journal.clone(), STREAM))
        } else {
            Box::new(metered)
        };
        Ok(Lc3Source::new(Resampled::new(source, SENT_RATE)?, FRAME_BYTES)?)
    }
}

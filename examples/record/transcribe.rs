use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, bail};
use glasslink::{
    AttachError, ConnectError, Event, FinishError, LinkBuilder, OpenError, StreamOptions, TranscriptEvent,
    WaitLiveError, WhenFull,
};
use glasslink_library::{Library, RecordedSource, Transcriber};
use serde_json::json;

use crate::Outcome;
use crate::args::{Global, TranscribeOptions};
use crate::json::{ms, summary as summary_json};
use crate::pick::{name, pick, short};
use crate::relay::Captioner;
use crate::style::{DIM, GOOD, Out};
use crate::time::clock;

/// A relay as a transcriber: what was recorded goes over a link of its own.
pub(crate) struct RelayTranscriber {
    builder: LinkBuilder,
    name: String,
    /// Told the share that was sent.
    progress: Box<dyn FnMut(f64) + Send>,
}

/// Why a relay did not transcribe.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Live(#[from] WaitLiveError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Attach(#[from] AttachError),
    #[error(transparent)]
    Finish(#[from] FinishError),
    #[error("{0} events of the relay were missed: try again")]
    Missed(u64),
}

/// A relay that is not there in this time is not there.
const CONNECT: Duration = Duration::from_secs(10);

impl RelayTranscriber {
    pub(crate) fn new(captioner: &Captioner, progress: impl FnMut(f64) + Send + 'static) -> Self {
        let (builder, name) = (captioner.builder.clone(), captioner.name.clone());
        Self { builder, name, progress: Box::new(progress) }
    }
}

impl Transcriber for RelayTranscriber {
    type Error = RelayError;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn transcribe(&mut self, audio: RecordedSource) -> Result<Vec<TranscriptEvent>, RelayError> {
        let (link, mut events) = self.builder.clone().connect()?;
        link.wait_live(Some(CONNECT)).await?;
        let (total, read) = (audio.frames().max(1), audio.progress());
        let options = StreamOptions {
            label: audio.label().to_owned(),
            // The disk waits for the link.
            when_full: WhenFull::Refuse,
            ..StreamOptions::default()
        };
        let attached = link.attach(audio, options)?;
        let work = async {
            attached.ended().await?;
            Ok::<_, RelayError>(link.finish().await?)
        };
        let mut work = std::pin::pin!(work);
        let mut heard = Vec::new();
        let mut take = |event| match event {
            Ok(Event::Transcript { event, .. }) => {
                heard.push(event);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(glasslink::Lagged { missed }) => Err(RelayError::Missed(missed)),
        };
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                biased;
                Some(event) = events.next() => take(event)?,
                done = &mut work => break done?,
                _ = tick.tick() => (self.progress)(read.load(Ordering::Relaxed) as f64 / total as f64),
            }
        }
        while let Some(event) = events.try_next() {
            take(event)?;
        }
        link.close().await;
        Ok(heard)
    }
}

pub(crate) async fn run(library: &Library, global: &Global, options: &TranscribeOptions) -> Result<Outcome> {
    let summary = pick(library, &options.one.recording)?;
    let part = match (options.from, options.to) {
        (None, None) => None,
        (from, to) => Some(from.unwrap_or_default()..to.unwrap_or(summary.duration)),
    };
    if part.as_ref().is_some_and(|part| part.start >= part.end || part.start >= summary.duration) {
        bail!("there is nothing between these times: it lasts {}", clock(summary.duration));
    }
    let captioner = match Captioner::start(&options.relay, 250.0).await? {
        Ok(captioner) => captioner,
        Err(problem) => bail!("{problem}, or name a relay with --relay"),
    };
    let mut out = Out::new(true);
    let live = out.live;
    out.line(DIM, &format!("transcribing {} with {}", name(&summary), captioner.name));
    let mut transcriber = RelayTranscriber::new(&captioner, move |share| {
        if live {
            Out::new(true).raw(&format!("\r\x1b[2K{:.0} %", share * 100.0));
        }
    });
    let made = tokio::select! {
        made = library.transcribe(summary.id, part, &mut transcriber) => Some(made),
        _ = tokio::signal::ctrl_c() => None,
    };
    if live {
        out.raw("\r\x1b[2K");
    }
    captioner.stop().await;
    let Some(made) = made else { bail!("stopped: nothing was changed") };
    let made = made?;
    if global.json {
        let mut value = summary_json(&library.recording(summary.id)?);
        value["transcribed_ms"] = json!(ms(made.duration));
        value["utterances"] = json!(made.utterances);
        value["transcript"] = json!(library.transcript(summary.id)?.text());
        crate::json::say(&value)?;
    }
    let (lasting, id) = (clock(made.duration), short(&summary));
    out.line(
        GOOD,
        &format!("{lasting} transcribed, {} utterances; `record undo {id}` takes it back", made.utterances),
    );
    Ok(Outcome::Done)
}

use std::time::Duration;

use anyhow::{Context, Result};
use glasslink::audio::Source;
use glasslink::audio::journal::{Journal, Recorder, StreamInfo};
use glasslink::{Events, SessionId, StreamOptions};
use glasslink_library::{Library, Summary};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::args::{Global, NewOptions};
use crate::captions::Captions;
use crate::json;
use crate::microphone::Health;
use crate::pick::{settled, short};
use crate::relay::Captioner;
use crate::source::{Input, STREAM};
use crate::stop::Heard;
use crate::style::{BAD, DIM, GAP, GOOD};
use crate::time::{clock, utc_offset_min};

/// How often time and level are shown.
const SHOWN_EVERY: Duration = Duration::from_millis(100);

/// How the transcript ended.
enum Ending {
    /// Nobody made one.
    None,
    Whole,
    /// Not all of it; why.
    Partly(String),
}

pub(crate) async fn run(library: &Library, global: &Global, options: &NewOptions) -> Result<Outcome> {
    let input = Input::open(options).await?;
    let faster = options.speed.0.speed().unwrap_or(250.0);
    let captioner =
        if options.no_relay { None } else { Some(Captioner::start(&options.relay, faster).await?) };
    let (captioner, hint) = match captioner {
        Some(Ok(captioner)) => (Some(captioner), None),
        Some(Err(problem)) => {
            (None, Some(format!("no captions: {problem}; `record transcribe` makes them later")))
        }
        None => (None, None),
    };
    let (id, ending) = match &captioner {
        Some(captioner) => with_captions(library, global, options, input, captioner).await?,
        None => without_captions(library, global, options, input, hint.as_deref()).await?,
    };
    if let Some(captioner) = captioner {
        captioner.stop().await;
    }
    let summary = settled(library, id).await?;
    let outcome = if matches!(ending, Ending::Partly(_)) { Outcome::NotAll } else { Outcome::Done };
    if global.json {
        let mut value = json::summary(&summary);
        value["transcript"] = json!(library.transcript(id)?.text());
        value["folder"] = json!(library.root().join(id.to_string()));
        json::say(&value)?;
    }
    say(library, global, &summary, &ending);
    library.tidy()?;
    Ok(outcome)
}

/// Records and sends from the recording.
async fn with_captions(
    library: &Library,
    global: &Global,
    options: &NewOptions,
    input: Input,
    captioner: &Captioner,
) -> Result<(SessionId, Ending)> {
    let (link, events) = captioner.builder.clone().journal(library.store()).connect()?;
    let journal = link.journal().context("the link has no journal")?;
    let id = link.session();
    name(library, id, options)?;
    let (heard, stop) = (Heard::default(), CancellationToken::new());
    let (label, health) = (input.label.clone(), input.health.clone());
    let source = input.encoded(&journal, heard.clone(), stop.clone())?;
    let mut captions = Captions::new(global.json, source.format());
    captions.line(DIM, &format!("recording {label}; Ctrl-C ends it; captions from {}", captioner.name));
    let attached = link.attach(source, StreamOptions { label, ..StreamOptions::default() })?;
    let work = async {
        let recorded = attached.ended().await;
        let finished = tokio::time::timeout(options.finish_timeout, link.finish()).await;
        (recorded, finished)
    };
    let ended = attend(&mut captions, &journal, health, Some(events), &heard, &stop, work).await;
    captions.leave();
    let ending = match ended {
        None => Ending::Partly("left early".to_owned()),
        Some((Err(error), _)) => return Err(anyhow::Error::from(error).context(place(library, id))),
        Some((Ok(()), Ok(Ok(())))) => Ending::Whole,
        Some((Ok(()), Ok(Err(error)))) => Ending::Partly(error.to_string()),
        Some((Ok(()), Err(_))) => Ending::Partly("the relay did not finish it in time".to_owned()),
    };
    if matches!(ending, Ending::Whole) {
        link.close().await;
    }
    drop((link, journal));
    Ok((id, ending))
}

/// Records, and that is all.
async fn without_captions(
    library: &Library,
    global: &Global,
    options: &NewOptions,
    input: Input,
    hint: Option<&str>,
) -> Result<(SessionId, Ending)> {
    let journal = library.begin(concat!("record ", env!("CARGO_PKG_VERSION")))?;
    let id = journal.recording().session();
    name(library, id, options)?;
    let (heard, stop) = (Heard::default(), CancellationToken::new());
    let (label, health) = (input.label.clone(), input.health.clone());
    let source = input.encoded(&journal, heard.clone(), stop.clone())?;
    let mut captions = Captions::new(global.json, source.format());
    captions.line(DIM, &format!("recording {label}; Ctrl-C ends it"));
    if let Some(hint) = hint {
        captions.line(GAP, hint);
    }
    let info = StreamInfo { format: source.format(), continues: None, label };
    let recorder = Recorder::new(source, journal.clone(), STREAM, &info, utc_offset_min())?;
    let recording = tokio::spawn(async move { recorder.run(&mut ()).await });
    let ended = attend(&mut captions, &journal, health, None, &heard, &stop, recording).await;
    captions.leave();
    if let Some(ended) = ended {
        let (_, result) = ended.context("the recorder failed")?;
        result.with_context(|| place(library, id))?;
    }
    Ok((id, Ending::None))
}

/// Shows what happens until `work` is done. The first Ctrl-C ends the recording, the second what comes after; `None`:
/// there was a second.
async fn attend<T>(
    captions: &mut Captions,
    journal: &Journal,
    Health(mut device): Health,
    mut events: Option<Events>,
    heard: &Heard,
    stop: &CancellationToken,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut disk = journal.watch_state();
    let mut tick = tokio::time::interval(SHOWN_EVERY);
    let done = loop {
        let event = async {
            match &mut events {
                Some(events) => events.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = ended_by_person() => {
                if stop.is_cancelled() {
                    break None;
                }
                stop.cancel();
                captions.ended();
                if events.is_some() {
                    captions.line(DIM, "recorded; waiting for the rest of the transcript, Ctrl-C leaves it for `record recover`");
                }
            }
            Some(Ok(event)) = event => captions.event(&event),
            done = &mut work => break Some(done),
            Ok(()) = disk.changed() => captions.disk(&disk.borrow_and_update().clone()),
            Ok(()) = device.changed() => {
                let (words, well) = device.borrow_and_update().clone();
                captions.line(if well { GOOD } else { BAD }, &words);
            }
            _ = tick.tick() => captions.heard(heard.frames(), heard.peak_dbfs()),
        }
    };
    while let Some(Ok(event)) = events.as_mut().and_then(Events::try_next) {
        captions.event(&event);
    }
    done
}

/// Ctrl-C, or what a session's end sends.
async fn ended_by_person() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn name(library: &Library, id: SessionId, options: &NewOptions) -> Result<()> {
    if let Some(title) = &options.title {
        library.set_title(id, title)?;
    }
    Ok(())
}

fn place(library: &Library, id: SessionId) -> String {
    format!("what was recorded is in {}", library.root().join(id.to_string()).display())
}

fn say(library: &Library, global: &Global, summary: &Summary, ending: &Ending) {
    let mut out = crate::style::Out::new(global.json);
    let id = short(summary);
    out.line(GOOD, &format!("recorded {} as {id}: {}", clock(summary.duration), place(library, summary.id)));
    for (style, word) in crate::list::words(summary) {
        out.line(style, &word);
    }
    match ending {
        Ending::Partly(why) => {
            out.line(BAD, &format!("not all of it is transcribed: {why}. `record recover` finishes it"));
        }
        Ending::Whole | Ending::None => out.line(DIM, &format!("record show {id}, record play {id}")),
    }
}

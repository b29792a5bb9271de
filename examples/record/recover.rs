use anyhow::Result;
use glasslink::audio::journal::Found;
use glasslink_library::{Library, RecordingState, Summary};
use serde_json::json;

use crate::Outcome;
use crate::args::{Global, RecoverOptions};
use crate::json;
use crate::pick::{name, settled, short};
use crate::relay::Captioner;
use crate::style::{BAD, DIM, GAP, GOOD, Out};
use crate::time::clock;
use crate::transcribe::RelayTranscriber;

/// Ends what was interrupted, then uploads and transcribes what is left, one recording after the other.
pub(crate) async fn run(library: &Library, global: &Global, options: &RecoverOptions) -> Result<Outcome> {
    let mut out = Out::new(global.json);
    let (mut outcome, mut done) = (Outcome::Done, Vec::new());
    for summary in library.recordings()? {
        match summary.state {
            RecordingState::Interrupted => {
                let end = library.end_interrupted(summary.id)?;
                out.line(GOOD, &format!("{}  {}: {} are whole", short(&summary), name(&summary), clock(end)));
                done.push(summary.id);
            }
            RecordingState::InUse => {
                out.line(DIM, &format!("{}: left alone, a program is recording it", short(&summary)));
            }
            RecordingState::Unreadable => {
                out.line(BAD, &summary.problems.join("; "));
                outcome = Outcome::NotAll;
            }
            RecordingState::Ended => {}
        }
    }
    let left = |summary: &Summary| !summary.untranscribed.is_zero() && summary.state == RecordingState::Ended;
    let left: Vec<Summary> = library.recordings()?.into_iter().filter(left).collect();
    if !left.is_empty() && !options.no_relay {
        match Captioner::start(&options.relay, 250.0).await? {
            Ok(captioner) => {
                for summary in &left {
                    if !finish(library, &captioner, summary, &mut out).await? {
                        outcome = Outcome::NotAll;
                    }
                    done.push(summary.id);
                }
                captioner.stop().await;
            }
            Err(problem) => {
                out.line(GAP, &format!("{} recordings have no transcript: {problem}", left.len()));
                outcome = Outcome::NotAll;
            }
        }
    }
    library.refresh()?;
    if done.is_empty() && outcome == Outcome::Done {
        out.line(DIM, "nothing is left to do");
    }
    if global.json {
        done.dedup();
        let recordings = done.iter().map(|id| {
            let mut value = json::summary(&library.recording(*id)?);
            value["transcript"] = json!(library.transcript(*id)?.text());
            Ok(value)
        });
        json::say(&json!({ "recovered": recordings.collect::<Result<Vec<_>>>()? }))?;
    }
    Ok(outcome)
}

/// Has the relay finish the session, and from the journal what it cannot know any more. Says whether that is done.
async fn finish(library: &Library, captioner: &Captioner, summary: &Summary, out: &mut Out) -> Result<bool> {
    let id = short(summary);
    out.line(DIM, &format!("{id}  {}: transcribing {}", name(summary), clock(summary.untranscribed)));
    let work = async {
        if !captioner.is_local() && !go_on(library, captioner, summary, out).await? {
            return Ok(false);
        }
        if settled(library, summary.id).await?.untranscribed.is_zero() {
            return Ok(true);
        }
        let mut transcriber = RelayTranscriber::new(captioner, |_| {});
        Ok::<_, anyhow::Error>(match library.transcribe(summary.id, None, &mut transcriber).await {
            Ok(_) => true,
            Err(error) => {
                out.line(BAD, &format!("{id}: {error}"));
                false
            }
        })
    };
    let whole = tokio::select! {
        whole = work => Some(whole?),
        _ = tokio::signal::ctrl_c() => None,
    };
    match whole {
        Some(true) => out.line(GOOD, &format!("{id}  finished")),
        Some(false) => {}
        None => out.line(GAP, "stopped; the next `record recover` goes on"),
    }
    Ok(whole.unwrap_or(false))
}

/// Goes on with its session: the relay gets what it does not have.
async fn go_on(library: &Library, captioner: &Captioner, summary: &Summary, out: &mut Out) -> Result<bool> {
    let id = short(summary);
    let Some(Found::Recording(recording)) = library.store().find(summary.id) else {
        out.line(DIM, &format!("{id}: left alone, a program has it open"));
        return Ok(true);
    };
    if recording.is_finished()? {
        return Ok(true);
    }
    let (link, events) = captioner.builder.clone().resume(recording)?;
    drop(events);
    if let Err(error) = link.finish().await {
        out.line(BAD, &format!("{id}: {error}"));
        return Ok(false);
    }
    link.close().await;
    Ok(true)
}

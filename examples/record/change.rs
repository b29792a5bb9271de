//! Titles, notes, the trash, and the way back.

use anyhow::Result;
use glasslink_library::{Change, Library, Summary};
use serde_json::json;

use crate::Outcome;
use crate::args::{DeleteOptions, Global, NoteOptions, One, Several, TitleOptions};
use crate::json;
use crate::pick::{name, pick, pick_trashed, short};
use crate::style::{DIM, Out};

pub(crate) fn title(library: &Library, global: &Global, options: &TitleOptions) -> Result<Outcome> {
    let summary = pick(library, &options.recording)?;
    library.set_title(summary.id, &options.title)?;
    said(library, global, &summary, &format!("is called \"{}\" now", options.title.trim()))
}

pub(crate) fn note(library: &Library, global: &Global, options: &NoteOptions) -> Result<Outcome> {
    let summary = pick(library, &options.recording)?;
    library.add_note(summary.id, options.at, &options.text)?;
    said(library, global, &summary, "has the note")
}

pub(crate) fn undo(library: &Library, global: &Global, options: &One) -> Result<Outcome> {
    let summary = pick(library, &options.recording)?;
    match library.undo(summary.id)? {
        Some(change) => said(library, global, &summary, &format!("{} undone", what(&change))),
        None => gone(global, &summary, "nothing is left to undo"),
    }
}

pub(crate) fn redo(library: &Library, global: &Global, options: &One) -> Result<Outcome> {
    let summary = pick(library, &options.recording)?;
    match library.redo(summary.id)? {
        Some(change) => said(library, global, &summary, &format!("{} done again", what(&change))),
        None => gone(global, &summary, "nothing was undone last"),
    }
}

pub(crate) fn delete(library: &Library, global: &Global, options: &DeleteOptions) -> Result<Outcome> {
    // All of them are known before any is deleted.
    let find = |wanted: &String| {
        pick(library, wanted).or_else(|error| {
            let trashed = if options.for_good { pick_trashed(library, wanted).ok() } else { None };
            trashed.ok_or(error)
        })
    };
    let found = options.several.recordings.iter().map(find).collect::<Result<Vec<Summary>>>()?;
    for summary in &found {
        if options.for_good {
            library.delete_for_good(summary.id)?;
            gone(global, summary, "is deleted for good")?;
        } else {
            library.delete(summary.id)?;
            let id = short(summary);
            let back = format!("is in the trash; `record undelete {id}` takes it out");
            said(library, global, summary, &back)?;
        }
    }
    // The trash is emptied by the rules while somebody is here.
    library.tidy()?;
    Ok(Outcome::Done)
}

pub(crate) fn undelete(library: &Library, global: &Global, options: &Several) -> Result<Outcome> {
    let find = |wanted: &String| pick_trashed(library, wanted);
    let found = options.recordings.iter().map(find).collect::<Result<Vec<Summary>>>()?;
    for summary in &found {
        library.undelete(summary.id)?;
        said(library, global, summary, "is back")?;
    }
    Ok(Outcome::Done)
}

/// What a change is, for a person.
fn what(change: &Change) -> &'static str {
    match change {
        Change::Title { .. } => "the title",
        Change::Note { .. } | Change::NoteText { .. } => "the note",
        Change::Words { .. } => "the change of words",
        Change::Speaker { .. } => "the speaker's name",
        Change::Transcribed { .. } => "the new transcript",
        _ => "the change",
    }
}

fn said(library: &Library, global: &Global, summary: &Summary, what: &str) -> Result<Outcome> {
    if global.json {
        json::say(&json::summary(&library.recording(summary.id)?))?;
    }
    Out::new(global.json).line(DIM, &format!("{}  {}: {what}", short(summary), name(summary)));
    Ok(Outcome::Done)
}

/// What has no summary to show.
fn gone(global: &Global, summary: &Summary, what: &str) -> Result<Outcome> {
    if global.json {
        json::say(&json!({ "id": summary.id.to_string(), "said": what }))?;
    }
    Out::new(global.json).line(DIM, &format!("{}  {}: {what}", short(summary), name(summary)));
    Ok(Outcome::Done)
}

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use glasslink::SessionId;
use glasslink_library::{Library, RecordingState, Summary};

/// The recording a person means: `last`, the beginning of an id, or a part of a title.
pub(crate) fn pick(library: &Library, wanted: &str) -> Result<Summary> {
    pick_of(&library.recordings()?, wanted, "record list")
}

/// The same among those in the trash.
pub(crate) fn pick_trashed(library: &Library, wanted: &str) -> Result<Summary> {
    pick_of(&library.trash()?, wanted, "record list --trash")
}

fn pick_of(recordings: &[Summary], wanted: &str, list: &str) -> Result<Summary> {
    let Some(newest) = recordings.first() else { bail!("there is no recording") };
    if wanted == "last" {
        return Ok(newest.clone());
    }
    let lower = wanted.to_lowercase();
    let by_id: Vec<&Summary> = recordings
        .iter()
        .filter(|summary| lower.len() >= 4 && summary.id.to_string().starts_with(&lower))
        .collect();
    let by_title = || recordings.iter().filter(|summary| summary.title.to_lowercase().contains(&lower));
    let found = if by_id.is_empty() { by_title().collect() } else { by_id };
    match found[..] {
        [one] => Ok(one.clone()),
        [] => bail!("no recording has an id or title like \"{wanted}\": see `{list}`"),
        _ => bail!("{} recordings are like \"{wanted}\": use more of the id, see `{list}`", found.len()),
    }
}

/// As much of an id as tells recordings apart.
pub(crate) fn short(summary: &Summary) -> String {
    summary.id.to_string()[..8].to_owned()
}

/// What to call it where it has no title.
pub(crate) fn name(summary: &Summary) -> &str {
    if summary.title.is_empty() { "(nothing said yet)" } else { &summary.title }
}

/// A link lets go of its recording a little after it ended.
const LETS_GO: Duration = Duration::from_secs(5);

/// The recording once nobody here holds it any more.
pub(crate) async fn settled(library: &Library, id: SessionId) -> Result<Summary> {
    let until = Instant::now() + LETS_GO;
    loop {
        library.refresh()?;
        let summary = library.recording(id)?;
        if summary.state != RecordingState::InUse || Instant::now() >= until {
            return Ok(summary);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

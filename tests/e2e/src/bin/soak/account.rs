use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use glasslink::audio::journal::disk::OsDisk;
use glasslink::audio::journal::log::Log;
use glasslink::audio::journal::{Found, JournalStore};

/// Records of frames, in a client's journal and in a relay's.
const FRAMES: u8 = 1;
/// The stream of a session's source, and those that continued it after a long outage.
const STREAMS: RangeInclusive<u32> = 1..=64;

/// How many frames a folder of recordings has, and that the relay has each of them once.
pub(crate) fn recordings(folder: &Path, data: &Path) -> Result<u64> {
    let mut frames = 0;
    if !folder.exists() {
        return Ok(0);
    }
    for found in JournalStore::open(folder)?.recordings()? {
        let Found::Recording(recording) = found else { bail!("{} cannot be read", folder.display()) };
        let session = recording.session().to_string();
        if recording.streams()?.is_empty() {
            continue;
        }
        let own = coverage(&recording_folder(folder, &session)?, &session)?;
        let kept = relay(data, &session)?;
        if own != kept {
            let differ = STREAMS.zip(own.iter().zip(&kept)).filter(|(_, (own, kept))| own != kept);
            let differ: Vec<_> = differ.collect();
            bail!("{session}: recorded and kept by the relay, stream by stream: {differ:?}");
        }
        frames += count(&own);
    }
    Ok(frames)
}

/// How many frames the relay has of a session, each once.
pub(crate) fn kept(data: &Path, session: &str) -> Result<u64> {
    Ok(count(&relay(data, session)?))
}

fn count(streams: &[Vec<Range<u64>>]) -> u64 {
    streams.iter().flatten().map(|range| range.end - range.start).sum()
}

/// What the relay has of a session: also in its archive, if the client came back to it after more than ten minutes.
fn relay(data: &Path, session: &str) -> Result<Vec<Vec<Range<u64>>>> {
    let folders = ["sessions", "archive"].into_iter().flat_map(|name| names(&data.join(name)));
    let of_session = folders.filter(|folder| folder.to_string_lossy().contains(session));
    let parts = of_session.map(|folder| coverage(&folder, session)).collect::<Result<Vec<_>>>()?;
    if parts.is_empty() {
        bail!("the relay has no session {session}");
    }
    STREAMS
        .enumerate()
        .map(|(at, stream)| {
            let mut ranges: Vec<Range<u64>> = parts.iter().flat_map(|part| part[at].clone()).collect();
            ranges.sort_unstable_by_key(|range| range.start);
            merged(ranges).with_context(|| format!("{session}: stream {stream}, in session and archive"))
        })
        .collect()
}

/// Neighbours as one; an error if any overlap.
fn merged(ranges: Vec<Range<u64>>) -> Result<Vec<Range<u64>>> {
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start < last.end => bail!("{range:?} is there twice"),
            Some(last) if range.start == last.end => last.end = range.end,
            _ => merged.push(range),
        }
    }
    Ok(merged)
}

fn recording_folder(folder: &Path, session: &str) -> Result<PathBuf> {
    let found = names(folder).into_iter().find(|path| path.to_string_lossy().contains(session));
    found.with_context(|| format!("{} has no {session}", folder.display()))
}

fn names(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).map(|dir| dir.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// The frames in a log, stream by stream; an error if any is there twice.
fn coverage(folder: &Path, session: &str) -> Result<Vec<Vec<Range<u64>>>> {
    let log = Log::open(Arc::new(OsDisk), folder, None, false)?;
    let mut streams = Vec::new();
    for stream in STREAMS {
        let mut next = 0;
        let mut twice = None;
        log.bulk(FRAMES, stream, &(0..u64::MAX), |record| {
            if record.from < next {
                twice = Some(record.from);
            }
            next = record.range().end;
        })?;
        if let Some(frame) = twice {
            bail!("{session}: frame {frame} of stream {stream} is in {} twice", folder.display());
        }
        streams.push(log.coverage(FRAMES, stream));
    }
    Ok(streams)
}

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use glasslink::audio::{FileSource, Lc3Source, Source};
use glasslink::{Link, StreamFormat, StreamId, StreamOptions, WhenFull};
use tokio::sync::mpsc;

use crate::args::{Args, Speed};
use crate::measure::Timed;

/// 16 kbit/s: what the glasses use, and what speech engines hear no difference with.
const FRAME_BYTES: u32 = 20;
const SAMPLE_RATE: u32 = 16_000;

/// A file that could be opened, and is replayed when its turn comes.
pub(crate) struct Track {
    path: PathBuf,
    source: Timed<Lc3Source<FileSource>>,
    duration: Option<Duration>,
}

/// A file began, as a stream.
pub(crate) struct Began {
    pub(crate) stream: StreamId,
    pub(crate) name: String,
    pub(crate) duration: Option<Duration>,
    pub(crate) format: StreamFormat,
    pub(crate) started: Arc<OnceLock<Instant>>,
}

/// Opens every file before anything is sent: what is wrong with one of them is said at once.
pub(crate) fn open(files: &[PathBuf], speed: Speed) -> Result<Vec<Track>> {
    let open = |path: &PathBuf| {
        let file = FileSource::open(path, SAMPLE_RATE, speed.0)?;
        let duration = file.duration();
        let source = Timed::new(Lc3Source::new(file, FRAME_BYTES)?);
        Ok(Track { path: path.clone(), source, duration })
    };
    files.iter().map(open).collect()
}

/// Replays the tracks one behind the other. Returns what was wrong with them; what could be read went out.
pub(crate) async fn play(
    link: &Link,
    args: &Args,
    tracks: Vec<Track>,
    began: mpsc::UnboundedSender<Began>,
) -> Vec<Error> {
    let mut problems = Vec::new();
    let mut continues = None;
    for track in tracks {
        let (format, started, name) = (track.source.format(), track.source.started(), name(&track.path));
        let when_full = if args.live { WhenFull::DropOldest } else { WhenFull::Refuse };
        let options = StreamOptions { label: name.clone(), when_full, continues, ..StreamOptions::default() };
        let source = match link.attach(track.source, options) {
            Ok(source) => source,
            Err(problem) => {
                problems.push(problem.into());
                break;
            }
        };
        let stream = source.stream();
        continues = Some(stream);
        let _ = began.send(Began { stream, name, duration: track.duration, format, started });
        if let Err(problem) = source.ended().await {
            problems.push(problem.into());
        }
    }
    problems
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

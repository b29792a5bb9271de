use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use glasslink_protocol::{FrameIndex, StreamId, TranscriptEvent};
use serde::{Deserialize, Serialize};

/// What an engine heard when a stream, or part of it, was transcribed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heard {
    version: u32,
    pub(crate) engine: String,
    pub(crate) stream: StreamId,
    pub(crate) from: FrameIndex,
    pub(crate) to: FrameIndex,
    pub(crate) events: Vec<TranscriptEvent>,
}

const VERSION: u32 = 1;

impl Heard {
    pub(crate) fn new(
        engine: &str,
        stream: StreamId,
        (from, to): (FrameIndex, FrameIndex),
        events: Vec<TranscriptEvent>,
    ) -> Self {
        Self { version: VERSION, engine: engine.into(), stream, from, to, events }
    }

    /// Reads the file `name` in `dir`.
    pub(crate) fn read(dir: &Path, name: &str) -> io::Result<Self> {
        if Path::new(name).file_name().is_none_or(|plain| plain != name) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not the name of a file beside the journal",
            ));
        }
        let heard: Self = serde_json::from_slice(&std::fs::read(dir.join(name))?)?;
        if heard.version > VERSION {
            let newer = format!("version {} is newer than this program: update it", heard.version);
            return Err(io::Error::other(newer));
        }
        Ok(heard)
    }
}

/// Writes `heard` into a new file in `dir`, durable on return, and says its name.
pub(crate) fn write(dir: &Path, heard: &Heard, made_ms: i64) -> io::Result<String> {
    let mut number = made_ms;
    let (file, name) = loop {
        let name = format!("transcript-{}-{number}.json", heard.stream);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(dir.join(&name)) {
            Ok(file) => break (file, name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    };
    let mut out = io::BufWriter::new(&file);
    serde_json::to_writer(&mut out, heard)?;
    out.flush()?;
    drop(out);
    file.sync_all()?;
    if cfg!(unix) {
        File::open(dir)?.sync_all()?;
    }
    Ok(name)
}

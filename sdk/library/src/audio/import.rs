use std::path::Path;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use glasslink_audio::journal::{Journal, JournalState, PcmTee, Recorder, StreamInfo, WriteError};
use glasslink_audio::{
    Captured, FileError, FileSource, Lc3Source, Lc3SourceError, Pace, Resampled, ResampledError, Source,
    SourceError,
};
use glasslink_protocol::{SessionId, StreamFormat, StreamId};

use crate::changes::Change;
use crate::error::LibraryError;
use crate::library::Library;

/// How a file is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportOptions {
    /// Keep its audio at 48 kHz beside the frames that are sent to be transcribed: 330 MiB an hour.
    pub full_quality: bool,
    /// Minutes from UTC to local time, for the clock marks.
    pub utc_offset_min: i32,
}

/// What came of it.
#[derive(Debug)]
pub struct Imported {
    pub id: SessionId,
    pub duration: Duration,
    /// What was wrong with the file; what could be read of it is in the library.
    pub problem: Option<FileError>,
}

/// Why a file was not imported. Nothing of it is in the library.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read, or has no audio.
    #[error(transparent)]
    File(#[from] FileError),
    /// The library cannot be read or written.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The disk does not take it; the message says why.
    #[error("the recording cannot be written: {0}")]
    Disk(String),
    /// A source or codec refused what it was given: a fault of this crate.
    #[error("the file cannot be recorded: {0}")]
    Source(String),
}

const STREAM: StreamId = StreamId(1);
/// What speech engines take, and 16 kbit/s: what the glasses send.
const SAMPLE_RATE: u32 = 16_000;
const FULL_RATE: u32 = 48_000;

impl Default for ImportOptions {
    fn default() -> Self {
        Self { full_quality: true, utc_offset_min: 0 }
    }
}

impl Library {
    /// Makes a recording of a WAV, FLAC, MP3 or Ogg Vorbis file, as if it had been heard: frames and clock marks go to a
    /// journal through a [`Recorder`]. A damaged file is imported as far as it can be read, and the result says so.
    pub fn import(&self, path: &Path, options: ImportOptions) -> Result<Imported, ImportError> {
        let rate = if options.full_quality { FULL_RATE } else { SAMPLE_RATE };
        let file = FileSource::open(path, rate, Pace::UNPACED)?;
        let begun_ms = begun_ms(path, file.duration());
        let journal = self.begin(concat!("glasslink-library ", env!("CARGO_PKG_VERSION")))?;
        let id = journal.recording().session();
        let label = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let recorded = record(file, &journal, &label, options).and_then(|(frames, problem)| {
            let gaps = journal.recording().gaps(STREAM).map_err(LibraryError::from)?;
            match (journal.state(), problem) {
                (JournalState::Failing { message, .. }, _) => Err(ImportError::Disk(message)),
                (JournalState::Writing, _) if !gaps.is_empty() => {
                    Err(ImportError::Disk("the disk did not take all of it".into()))
                }
                (JournalState::Writing, Some(problem)) if frames == 0 => Err(problem.into()),
                (JournalState::Writing, problem) => Ok((frames, problem)),
            }
        });
        drop(journal);
        let (frames, problem) = match recorded {
            Ok(recorded) => recorded,
            Err(error) => {
                // Half a file would be taken for all of it.
                if let Err(error) = self.delete_for_good(id) {
                    tracing::warn!(%error, "what was imported of a file stays");
                }
                return Err(error);
            }
        };
        self.change(id, |_| Some(Change::Imported { file: label, begun_ms }))?;
        let duration = Duration::from_millis(frames * 10);
        Ok(Imported { id, duration, problem })
    }
}

/// Frames that were recorded, and what was wrong with the file.
fn record(
    file: FileSource,
    journal: &Journal,
    label: &str,
    options: ImportOptions,
) -> Result<(u64, Option<FileError>), ImportError> {
    let duration = file.duration().unwrap_or_default().min(Duration::from_hours(23));
    let began = Instant::now().checked_sub(duration).unwrap_or_else(Instant::now);
    let file = Timed { source: file, next: 0, began };
    let source: Box<dyn Source> = if options.full_quality {
        let tee = PcmTee::new(file, journal.clone(), STREAM);
        Box::new(Lc3Source::new(Resampled::new(tee, SAMPLE_RATE)?, LC3_BYTES)?)
    } else {
        Box::new(Lc3Source::new(file, LC3_BYTES)?)
    };
    let info = StreamInfo { format: source.format(), continues: None, label: label.to_owned() };
    let mut recorder = Recorder::new(source, journal.clone(), STREAM, &info, options.utc_offset_min)?;
    let (mut frame, mut frames) = (Vec::new(), 0);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        // A file is there or not; it never waits.
        match recorder.poll_next(&mut cx, &mut frame) {
            Poll::Ready(Ok(Some(_))) => frames += 1,
            Poll::Ready(Ok(None)) => return Ok((frames, None)),
            Poll::Ready(Err(SourceError::File(problem))) => return Ok((frames, Some(problem))),
            Poll::Ready(Err(error)) => return Err(ImportError::Source(error.to_string())),
            Poll::Pending => return Err(ImportError::Source("it has no next frame".into())),
        }
    }
}

const LC3_BYTES: u32 = Lc3Source::<FileSource>::FRAME_BYTES;

/// A file as if it had been heard in the time before now, so that its clock marks are as far apart as its audio is
/// long.
struct Timed {
    source: FileSource,
    next: u64,
    began: Instant,
}

impl Source for Timed {
    fn format(&self) -> StreamFormat {
        self.source.format()
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        let captured = ready!(self.source.poll_next(cx, frame))?;
        let captured_at = self.began + self.format().duration(self.next);
        self.next += 1;
        Poll::Ready(Ok(captured.map(|_| Captured::Frame { captured_at })))
    }
}

/// A file is written when what it has is over.
fn begun_ms(path: &Path, duration: Option<Duration>) -> Option<i64> {
    let modified: SystemTime = std::fs::metadata(path).ok()?.modified().ok()?;
    let begun = modified.duration_since(UNIX_EPOCH).ok()?.checked_sub(duration?)?;
    i64::try_from(begun.as_millis()).ok()
}

impl From<ResampledError> for ImportError {
    fn from(error: ResampledError) -> Self {
        Self::Source(error.to_string())
    }
}

impl From<Lc3SourceError> for ImportError {
    fn from(error: Lc3SourceError) -> Self {
        Self::Source(error.to_string())
    }
}

impl From<WriteError> for ImportError {
    fn from(error: WriteError) -> Self {
        Self::Source(error.to_string())
    }
}

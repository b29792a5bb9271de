use std::path::Path;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use glasslink_protocol::{FrameIndex, StreamFormat};

use super::samples::fill;
use super::{Captured, Pace, Pacer, Source, SourceError};
use crate::{AudioFile, FileError};

/// An audio file as PCM frames of 10 ms. The last one is filled up with silence.
///
/// It is decoded a packet at a time (10 to 100 ms of audio) when the next frame needs it, in well under a millisecond.
/// A damaged file yields what can be read of it, then the error that says so, then its end.
#[derive(Debug)]
pub struct FileSource {
    format: StreamFormat,
    file: AudioFile,
    /// Decoded, from `taken` on not yet yielded.
    samples: Vec<i16>,
    taken: usize,
    state: State,
    next: FrameIndex,
    pacer: Pacer,
}

#[derive(Debug)]
enum State {
    Reading,
    Failed(FileError),
    Ended,
}

impl FileSource {
    /// Opens `path`, to be yielded at `sample_rate` hertz.
    pub fn open(path: impl AsRef<Path>, sample_rate: u32, pace: Pace) -> Result<Self, FileError> {
        AudioFile::open(path, sample_rate).map(|file| Self::new(file, pace))
    }

    pub fn new(file: AudioFile, pace: Pace) -> Self {
        let format = file.format();
        let pacer = Pacer::new(pace);
        Self {
            format,
            file,
            samples: Vec::new(),
            taken: 0,
            state: State::Reading,
            next: FrameIndex(0),
            pacer,
        }
    }

    /// How long the file says it is; `None` where it does not.
    pub fn duration(&self) -> Option<Duration> {
        self.file.duration()
    }

    /// Decodes until a whole frame is there, or no more will come.
    fn fill_up(&mut self, size: usize) {
        while matches!(self.state, State::Reading) && self.samples.len() - self.taken < size {
            self.samples.drain(..self.taken);
            self.taken = 0;
            match self.file.read(&mut self.samples) {
                Ok(true) => {}
                Ok(false) => self.state = State::Ended,
                Err(error) => self.state = State::Failed(error),
            }
        }
    }
}

impl Source for FileSource {
    fn format(&self) -> StreamFormat {
        self.format
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        let size = self.format.frame_samples() as usize;
        self.fill_up(size);
        let rest = &self.samples[self.taken..];
        let samples = &rest[..size.min(rest.len())];
        if samples.is_empty() {
            frame.clear();
            return Poll::Ready(match std::mem::replace(&mut self.state, State::Ended) {
                State::Failed(error) => Err(error.into()),
                State::Reading | State::Ended => Ok(None),
            });
        }
        let (from, to) = (self.format.stream_time(self.next), self.format.stream_time(self.next + 1));
        let captured_at = ready!(self.pacer.poll_due(cx, from, to));
        fill(frame, samples, size);
        self.taken += samples.len();
        self.next += 1;
        Poll::Ready(Ok(Some(Captured::Frame { captured_at })))
    }
}

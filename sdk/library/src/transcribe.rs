use std::future::Future;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use glasslink_audio::journal::RecordedStream;
use glasslink_protocol::{Final, FrameIndex, Gap, SessionId, StreamId, TranscriptEvent, Word};

use crate::audio::RecordedSource;
use crate::changes::Change;
use crate::content::{Heard, Passage, place, write_transcript};
use crate::error::LibraryError;
use crate::library::{Library, now_ms};

/// Makes words of audio: a link to a relay, or anything else that does.
pub trait Transcriber: Send {
    /// Why it could not; it says what to do.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Name of the engine, for the record.
    fn name(&self) -> String;

    /// Everything that is said in `audio`, and what of it could not be transcribed. Frames are counted from 0, where
    /// `audio` begins; which stream they are said to be of does not matter.
    fn transcribe(
        &mut self,
        audio: RecordedSource,
    ) -> impl Future<Output = Result<Vec<TranscriptEvent>, Self::Error>> + Send;
}

/// Why a recording was not transcribed again. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum TranscribeError<E> {
    /// There is no such recording, or it cannot be read or written.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The transcriber could not; its own message says what to do.
    #[error(transparent)]
    Transcriber(E),
    /// What was heard cannot be written beside the recording; the cause says why.
    #[error("the transcript cannot be written: {0}")]
    Write(io::Error),
}

/// What was transcribed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transcribed {
    /// Time of all sources.
    pub duration: Duration,
    /// Utterances there are in it now.
    pub utterances: usize,
}

impl Library {
    /// Transcribes a recording again, from the disk: all of it, or `part` of its time. What a part cuts through is
    /// transcribed whole, so that no word is halved. The transcript there was stays and is back with
    /// [`undo`](Self::undo); words that a person changed hold as long as the engine hears the same again.
    ///
    /// Nothing is changed before everything was heard: a transcriber that fails, or a future that is dropped, leaves the
    /// recording as it was.
    pub async fn transcribe<T: Transcriber>(
        &self,
        id: SessionId,
        part: Option<Range<Duration>>,
        transcriber: &mut T,
    ) -> Result<Transcribed, TranscribeError<T::Error>> {
        let recording = self.open_recording(id)?;
        let streams = recording.streams().map_err(LibraryError::from)?;
        let marks = recording.clock_marks().map_err(LibraryError::from)?;
        let part = part.map(|part| self.widened(id, part)).transpose()?;
        let mut heard = Vec::new();
        for placed in place(streams, &marks) {
            let RecordedStream { stream, info, next, .. } = placed.stream;
            let (from, to) = match &part {
                None => (FrameIndex(0), next),
                Some(part) => {
                    let frames = |at: Duration| info.format.frames_in(at.saturating_sub(placed.from));
                    let end = frames(part.end) + u64::from(part.end > placed.from);
                    (FrameIndex(frames(part.start)), FrameIndex(end).min(next))
                }
            };
            if from >= to {
                continue;
            }
            let runs = recording.runs(stream).map_err(LibraryError::from)?.into();
            let shape = (info.format, info.label);
            let audio = RecordedSource::new(Arc::clone(&recording), stream, shape, runs, (from, to));
            let events = transcriber.transcribe(audio).await.map_err(TranscribeError::Transcriber)?;
            let events = events.into_iter().map(|event| shifted(event, stream, from)).collect();
            heard.push((info.format, Heard::new(&transcriber.name(), stream, (from, to), events)));
        }
        let mut sum = Transcribed::default();
        for (format, heard) in heard {
            let said = |event: &&TranscriptEvent| matches!(event, TranscriptEvent::Final(_));
            sum.utterances += heard.events.iter().filter(said).count();
            sum.duration += format.duration(heard.to.since(heard.from));
            self.keep(id, &heard).map_err(|error| match error {
                LibraryError::Io { cause, .. } => TranscribeError::Write(cause),
                error => TranscribeError::Library(error),
            })?;
        }
        Ok(sum)
    }

    fn keep(&self, id: SessionId, heard: &Heard) -> Result<(), LibraryError> {
        let dir = self.dir(id);
        let file = write_transcript(&dir, heard, now_ms()).map_err(LibraryError::io(dir))?;
        let (stream, from, to, engine) = (heard.stream, heard.from, heard.to, heard.engine.clone());
        self.change(id, |_| Some(Change::Transcribed { stream, from, to, engine, file })).map(drop)
    }

    /// `part` with the whole of what it cuts through.
    fn widened(&self, id: SessionId, part: Range<Duration>) -> Result<Range<Duration>, LibraryError> {
        let Range { start, end } = part;
        let mut wide = start..end;
        for passage in self.passages(id)? {
            if let Passage::Speech(said) = passage
                && said.from < end
                && said.to > start
            {
                wide = wide.start.min(said.from)..wide.end.max(said.to);
            }
        }
        Ok(wide)
    }
}

/// The same of `stream`, where the audio began at frame `by`.
fn shifted(event: TranscriptEvent, stream: StreamId, by: FrameIndex) -> TranscriptEvent {
    let at = |index: FrameIndex| index + by.0;
    match event {
        TranscriptEvent::Final(said) => TranscriptEvent::Final(Final {
            stream,
            from: at(said.from),
            to: at(said.to),
            words: said
                .words
                .into_iter()
                .map(|word| Word { from: at(word.from), to: at(word.to), ..word })
                .collect(),
            text: said.text,
        }),
        TranscriptEvent::Gap(gap) => {
            TranscriptEvent::Gap(Gap { stream, from: at(gap.from), to: at(gap.to), ..gap })
        }
    }
}

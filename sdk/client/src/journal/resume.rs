use glasslink_audio::journal::{
    Journal, RecordedEvent, RecordedRun, RecordedStream, Recording, RecordingError,
};
use glasslink_protocol::{ClockMark, FrameIndex, Gap, SessionId, StreamId};
use glasslink_session::{ClientSession, JournaledRun, JournaledStream, Timestamp};
use glasslink_transcript::{Continues, Timeline};

use crate::builder::ConnectError;

/// Why a recording was not taken up. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The recording cannot be read or written; the cause says why.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// There is no link.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// What an earlier process left.
pub(crate) struct Restored {
    pub(crate) journal: Journal,
    pub(crate) session: SessionId,
    streams: Vec<(RecordedStream, Vec<RecordedRun>)>,
    events: Vec<RecordedEvent>,
    clocks: Vec<ClockMark>,
}

impl Restored {
    pub(crate) fn read(recording: Recording) -> Result<Self, RecordingError> {
        let streams = recording.streams()?.into_iter().map(|stream| {
            let runs = recording.runs(stream.stream)?;
            Ok((stream, runs))
        });
        let streams = streams.collect::<Result<Vec<_>, RecordingError>>()?;
        let (events, clocks) = (recording.events()?, recording.clock_marks()?);
        let session = recording.session();
        Ok(Self { journal: recording.resume()?, session, streams, events, clocks })
    }

    /// Takes up what is not done yet.
    pub(crate) fn into_session(self, session: &mut ClientSession, now: Timestamp) -> Journal {
        if let Some(last) = self.events.last() {
            session.resume_events(last.epoch, last.number);
        }
        for (stream, runs) in self.streams {
            let (id, kept, end) = (stream.stream, stream.kept, stream.next);
            if kept >= end && stream.transcribed >= end && stream.end.is_some() {
                session.skip_stream_ids(id);
                continue;
            }
            session.restore_stream(now, journaled(stream, &runs));
            for mark in self.clocks.iter().filter(|mark| mark.stream == id && mark.index >= kept) {
                session.clock(*mark);
            }
        }
        self.journal
    }

    /// What is known already.
    pub(crate) fn timeline(&self) -> Timeline {
        let mut timeline = Timeline::new();
        for (stream, runs) in &self.streams {
            let format = stream.info.format;
            let continues =
                stream.info.continues.map(|earlier| Continues { stream: earlier, at: self.end_of(earlier) });
            said(&timeline.declare(stream.stream, format, continues));
            for run in runs {
                if let Some(cause) = run.gap {
                    said(&timeline.gap(Gap::new(stream.stream, run.from, run.to, cause, &format)));
                }
            }
        }
        for mark in &self.clocks {
            said(&timeline.mark(*mark));
        }
        for RecordedEvent { epoch, number, event } in &self.events {
            said(&timeline.event(*epoch, *number, event.clone()));
        }
        timeline
    }

    /// Where the streams end, for those that go on from them.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (StreamId, FrameIndex)> {
        self.streams.iter().map(|(stream, _)| (stream.stream, stream.next))
    }

    fn end_of(&self, stream: StreamId) -> FrameIndex {
        self.ends().find(|(id, _)| *id == stream).map_or(FrameIndex(0), |(_, end)| end)
    }
}

fn said<T>(taken: &Result<T, glasslink_transcript::TimelineError>) {
    if let Err(error) = taken {
        tracing::warn!(%error, "not on the timeline");
    }
}

/// The ledger of what was kept, and what is still to be sent.
fn journaled(stream: RecordedStream, runs: &[RecordedRun]) -> JournaledStream {
    let kept = stream.kept.min(stream.next);
    let (mut acknowledged, mut lost, mut absent) = (0, 0, 0);
    let mut rest = Vec::new();
    for run in runs {
        let settled = run.to.min(kept).since(run.from);
        match run.gap {
            None => acknowledged += settled,
            Some(cause) if cause.is_loss() => lost += settled,
            Some(_) => absent += settled,
        }
        let frames = run.to.since(run.from.max(kept));
        if frames > 0 {
            rest.push(JournaledRun { frames, gap: run.gap });
        }
    }
    JournaledStream {
        stream: stream.stream,
        format: stream.info.format,
        label: stream.info.label,
        continues: stream.info.continues,
        kept,
        transcribed: stream.transcribed,
        runs: rest,
        acknowledged,
        lost,
        absent,
    }
}

use std::collections::BTreeMap;
use std::time::Duration;

use glasslink_protocol::{
    Epoch, EventNumber, FrameIndex, Gap, GapCause, StreamFormat, StreamId, TranscriptEvent,
};
use glasslink_session::{JournaledRun, JournaledStream, Timestamp};

use crate::ledger::Ledger;

/// The client's journal: what was written when. A power cut takes what was not synced.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    records: Vec<(Timestamp, Record)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Record {
    /// A stream, and the one it goes on from.
    Open(StreamId, Option<StreamId>),
    Frame(StreamId),
    Gap(StreamId, u64, GapCause),
    Kept(StreamId, FrameIndex),
    Epoch(Epoch),
    Event(EventNumber, TranscriptEvent),
    Transcribed(StreamId, FrameIndex),
    /// Frames that are recorded, and that the relay would not have.
    GivenUp(Gap),
}

/// What a new process finds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) streams: Vec<JournaledStream>,
    pub(crate) ends: BTreeMap<StreamId, FrameIndex>,
    pub(crate) resume_at: Option<(Epoch, EventNumber)>,
}

impl Journal {
    pub(crate) fn write(&mut self, now: Timestamp, record: Record) {
        self.records.push((now, record));
    }

    /// Loses what was written after `synced`; the ledger forgets what only those records knew. That a stream was
    /// opened is synced before its first frame is sent: a relay must never meet the same id twice.
    pub(crate) fn cut(&mut self, synced: Timestamp, ledger: &mut Ledger) {
        let keep = self.records.partition_point(|(at, _)| *at <= synced);
        let lost: Vec<_> = self.records.drain(keep..).collect();
        for (at, record) in lost {
            if let Record::Open(..) = record {
                self.records.push((at, record));
            } else if let Record::Event(_, TranscriptEvent::Final(settled)) = record {
                ledger.unheard(settled.stream, settled.from, settled.to);
            } else if let Record::GivenUp(gap) = record {
                ledger.untold(&gap);
            }
        }
    }

    pub(crate) fn recover(&self, format: StreamFormat, ledger: &Ledger) -> Found {
        let mut found = Found::default();
        let mut runs: BTreeMap<StreamId, Vec<JournaledRun>> = BTreeMap::new();
        let mut continues = BTreeMap::new();
        let mut kept = BTreeMap::new();
        let mut transcribed: BTreeMap<StreamId, FrameIndex> = BTreeMap::new();
        for (_, record) in &self.records {
            match record {
                Record::Open(stream, earlier) => {
                    runs.entry(*stream).or_default();
                    continues.insert(*stream, *earlier);
                }
                Record::Frame(stream) => extend(runs.entry(*stream).or_default(), 1, None),
                Record::Gap(stream, frames, cause) => {
                    extend(runs.entry(*stream).or_default(), *frames, Some(*cause));
                }
                Record::Kept(stream, next) => {
                    kept.insert(*stream, *next);
                }
                Record::Epoch(epoch) => found.resume_at = Some((*epoch, EventNumber(0))),
                Record::Event(number, event) => {
                    if let Some((_, last)) = &mut found.resume_at {
                        *last = *number;
                    }
                    if let TranscriptEvent::Final(settled) = event {
                        let heard = transcribed.entry(settled.stream).or_default();
                        *heard = (*heard).max(settled.to);
                    }
                }
                Record::Transcribed(stream, to) => {
                    let heard = transcribed.entry(*stream).or_default();
                    *heard = (*heard).max(*to);
                }
                Record::GivenUp(gap) => give_up(runs.entry(gap.stream).or_default(), gap),
            }
        }
        for (stream, runs) in runs {
            let end = FrameIndex(runs.iter().map(|run| run.frames).sum());
            found.ends.insert(stream, end);
            let kept = kept.get(&stream).copied().unwrap_or_default().min(end);
            let (acknowledged, lost, absent) = ledger.counts(stream, kept);
            found.streams.push(JournaledStream {
                stream,
                format,
                label: String::new(),
                continues: continues.get(&stream).copied().flatten(),
                kept,
                transcribed: transcribed.get(&stream).copied().unwrap_or_default(),
                runs: behind(&runs, kept),
                acknowledged,
                lost,
                absent,
            });
        }
        found
    }
}

/// A second is what may be unsynced.
pub(crate) const UNSYNCED: Duration = Duration::from_secs(1);

fn extend(runs: &mut Vec<JournaledRun>, frames: u64, gap: Option<GapCause>) {
    if frames == 0 {
        return;
    }
    match runs.last_mut() {
        Some(last) if last.gap == gap => last.frames += frames,
        _ => runs.push(JournaledRun { frames, gap }),
    }
}

/// Makes the frames of `gap` a run of its cause.
fn give_up(runs: &mut Vec<JournaledRun>, gap: &Gap) {
    let mut all = Vec::new();
    let mut from = 0;
    for run in runs.drain(..) {
        let to = from + run.frames;
        let (start, end) = (gap.from.0.clamp(from, to), gap.to.0.clamp(from, to));
        extend(&mut all, start - from, run.gap);
        extend(&mut all, end - start, run.gap.or(Some(gap.cause)));
        extend(&mut all, to - end, run.gap);
        from = to;
    }
    *runs = all;
}

/// What of `runs` lies at or after `from`.
fn behind(runs: &[JournaledRun], from: FrameIndex) -> Vec<JournaledRun> {
    let mut before = from.0;
    let rest = runs.iter().map(|run| {
        let skipped = before.min(run.frames);
        before -= skipped;
        JournaledRun { frames: run.frames - skipped, ..*run }
    });
    rest.filter(|run| run.frames > 0).collect()
}

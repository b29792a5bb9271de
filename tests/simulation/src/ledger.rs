use std::collections::BTreeMap;

use glasslink_protocol::{FrameIndex, Gap, StreamId};

/// The truth about every frame, kept apart from what the two halves believe.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    streams: BTreeMap<StreamId, Vec<Fate>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fate {
    /// The source produced it, or its radio lost it.
    captured: bool,
    /// A relay promised to keep it.
    kept: bool,
    /// The client told that it is lost, or that there was no source.
    gap: bool,
    /// A final covers it, at the client.
    in_final: bool,
    /// A gap of the transcript covers it, at the client.
    in_transcript_gap: bool,
    /// The client's process died before it was in the journal.
    died: bool,
}

impl Ledger {
    pub(crate) fn captured(&mut self, stream: StreamId, from: FrameIndex, frames: u64) {
        self.mark(stream, from, from + frames, |fate| fate.captured = true);
    }

    pub(crate) fn kept(&mut self, stream: StreamId, from: FrameIndex, to: FrameIndex) {
        self.mark(stream, from, to, |fate| fate.kept = true);
    }

    /// A gap the client told. A frame that is told lost twice is an error.
    pub(crate) fn gap(&mut self, gap: &Gap) -> Result<(), String> {
        let mut twice = false;
        self.mark(gap.stream, gap.from, gap.to, |fate| twice |= std::mem::replace(&mut fate.gap, true));
        if twice { Err(format!("told as lost twice: {gap:?}")) } else { Ok(()) }
    }

    pub(crate) fn heard(&mut self, stream: StreamId, from: FrameIndex, to: FrameIndex) -> Result<(), String> {
        let mut twice = false;
        self.mark(stream, from, to, |fate| twice |= std::mem::replace(&mut fate.in_final, true));
        if twice {
            Err(format!("frames {from}..{to} of stream {stream} were transcribed twice"))
        } else {
            Ok(())
        }
    }

    pub(crate) fn transcript_gap(&mut self, gap: &Gap) {
        self.mark(gap.stream, gap.from, gap.to, |fate| fate.in_transcript_gap = true);
    }

    /// The client's process died; of `stream` its journal has what is before `end`. Says how many frames died.
    pub(crate) fn cut(&mut self, stream: StreamId, end: FrameIndex) -> u64 {
        let fates = self.streams.entry(stream).or_default();
        let dead = fates.iter_mut().skip(end.0 as usize);
        dead.map(|fate| u64::from(!std::mem::replace(&mut fate.died, true) && fate.captured)).sum()
    }

    /// The client's journal lost that it told this gap. What became of its frames, the relay knows.
    pub(crate) fn untold(&mut self, gap: &Gap) {
        self.mark(gap.stream, gap.from, gap.to, |fate| fate.gap = false);
    }

    /// The client's journal lost this final, so the relay tells it again.
    pub(crate) fn unheard(&mut self, stream: StreamId, from: FrameIndex, to: FrameIndex) {
        self.mark(stream, from, to, |fate| fate.in_final = false);
    }

    /// Frames before `to` that were kept, lost, and time without a source.
    pub(crate) fn counts(&self, stream: StreamId, to: FrameIndex) -> (u64, u64, u64) {
        let (mut kept, mut lost, mut absent) = (0, 0, 0);
        for fate in self.streams.get(&stream).into_iter().flatten().take(to.0 as usize) {
            match (fate.captured, fate.gap) {
                (true, false) => kept += 1,
                (true, true) => lost += 1,
                (false, _) => absent += 1,
            }
        }
        (kept, lost, absent)
    }

    /// Whether every frame is accounted for, now that all is over: frames acknowledged and frames lost.
    pub(crate) fn settle(&self) -> Result<(u64, u64), String> {
        let (mut acknowledged, mut lost) = (0, 0);
        for (stream, fates) in &self.streams {
            for (index, fate) in fates.iter().enumerate().filter(|(_, fate)| !fate.died) {
                match (fate.captured, fate.gap, fate.kept) {
                    (true, false, true) => acknowledged += 1,
                    (true, true, _) => lost += 1,
                    (true, false, false) => {
                        return Err(format!(
                            "frame {index} of stream {stream} is neither kept nor told as lost"
                        ));
                    }
                    (false, true, _) => {}
                    (false, false, _) => {
                        return Err(format!("frame {index} of stream {stream} came from nowhere"));
                    }
                }
                if fate.gap && !fate.in_transcript_gap {
                    return Err(format!(
                        "the transcript does not say that frame {index} of stream {stream} is lost"
                    ));
                }
            }
            self.transcript_is_whole(*stream)?;
        }
        Ok((acknowledged, lost))
    }

    /// Whether the client has a final or a gap of the transcript for every frame of the stream.
    pub(crate) fn transcript_is_whole(&self, stream: StreamId) -> Result<(), String> {
        let told = |fate: &Fate| fate.died || fate.in_final || fate.in_transcript_gap;
        let missing = self.streams.get(&stream).and_then(|fates| fates.iter().position(|fate| !told(fate)));
        missing.map_or(Ok(()), |index| {
            Err(format!("frame {index} of stream {stream} is missing from the transcript"))
        })
    }

    fn mark(&mut self, stream: StreamId, from: FrameIndex, to: FrameIndex, mut mark: impl FnMut(&mut Fate)) {
        let fates = self.streams.entry(stream).or_default();
        if fates.len() < to.0 as usize {
            fates.resize(to.0 as usize, Fate::default());
        }
        fates[from.0 as usize..to.0 as usize].iter_mut().for_each(&mut mark);
    }
}

//! Cuts a stream of samples into utterances. A pure state machine: what it says depends on the samples and gaps alone.

mod policy;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(crate) use policy::Policy;

use crate::vad::{HOP, VoiceDetector};

/// A stretch of audio to be decoded as one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Segment {
    /// Counts up from 1; a speculative segment and the complete one it foretells share it.
    pub(crate) id: u64,
    /// The position of `audio[0]`.
    pub(crate) start: u64,
    pub(crate) audio: Vec<i16>,
    /// The detector's score of each whole hop of `audio`.
    pub(crate) scores: Vec<f32>,
    /// The voiced stretches, in positions; never empty.
    pub(crate) voiced: Vec<Range<u64>>,
    /// The end of the segment before, where nothing is missing between the two.
    pub(crate) follows: Option<u64>,
}

impl Segment {
    pub(crate) fn from(&self) -> u64 {
        self.voiced[0].start
    }

    pub(crate) fn to(&self) -> u64 {
        self.voiced[self.voiced.len() - 1].end
    }

    /// The first position after its audio.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.audio.len() as u64
    }
}

/// What the samples just pushed have shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Unless speech resumes, this is the segment. Worth decoding at once.
    Likely(Segment),
    /// Speech has resumed: the `Likely` segment will not be.
    Resumed,
    /// The segment is settled.
    Complete(Segment),
}

/// The open utterance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Open {
    pub(crate) id: u64,
    /// Its first voiced sample.
    pub(crate) from: u64,
    /// The end of its last voiced hop.
    pub(crate) to: u64,
    pub(crate) start: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// `run` hops in a row, up to the last one, are voiced.
    Silence { run: usize },
    /// Hops counted from the first one held: the first and the last voiced one, and those voiced in all.
    Speech { first: usize, last: usize, count: usize },
}

pub(crate) struct Segmenter {
    policy: Policy,
    detector: Box<dyn VoiceDetector>,
    /// Whole hops that may still be needed, and their scores.
    audio: Vec<i16>,
    scores: Vec<f32>,
    /// The position of `audio[0]`.
    base: u64,
    /// How many of these hops the state has seen; a cut puts some back.
    heard: usize,
    /// Samples after them, less than a hop.
    rest: Vec<i16>,
    state: State,
    next_id: u64,
    /// The end of the last segment, until a gap.
    previous_end: Option<u64>,
    /// Where the audio ends, when the last hop is filled up beyond it.
    limit: u64,
}

impl Segmenter {
    pub(crate) fn new(detector: Box<dyn VoiceDetector>, policy: Policy) -> Self {
        Self {
            policy,
            detector,
            audio: Vec::new(),
            scores: Vec::new(),
            heard: 0,
            base: 0,
            rest: Vec::with_capacity(HOP),
            state: State::Silence { run: 0 },
            next_id: 1,
            previous_end: None,
            limit: u64::MAX,
        }
    }

    /// The position after everything pushed and skipped.
    pub(crate) fn position(&self) -> u64 {
        self.base + (self.audio.len() + self.rest.len()) as u64
    }

    /// Before this position, nothing is part of a segment to come.
    pub(crate) fn settled(&self) -> u64 {
        self.base
    }

    pub(crate) fn push(&mut self, mut pcm: &[i16], outcomes: &mut Vec<Outcome>) {
        if !self.rest.is_empty() {
            let (head, tail) = pcm.split_at(pcm.len().min(HOP - self.rest.len()));
            self.rest.extend_from_slice(head);
            pcm = tail;
            if self.rest.len() < HOP {
                return;
            }
            let hop = std::mem::take(&mut self.rest);
            self.hear(&hop, outcomes);
            self.rest = hop;
            self.rest.clear();
        }
        let (hops, rest) = pcm.split_at(pcm.len() / HOP * HOP);
        for hop in hops.chunks_exact(HOP) {
            self.hear(hop, outcomes);
        }
        self.rest.extend_from_slice(rest);
    }

    /// Ends the open segment and moves on by `samples` that do not exist.
    pub(crate) fn skip(&mut self, samples: u64, outcomes: &mut Vec<Outcome>) {
        self.finish(outcomes);
        self.base += samples;
    }

    /// Ends the open segment: no more audio joins on to it.
    pub(crate) fn finish(&mut self, outcomes: &mut Vec<Outcome>) {
        let end = self.position();
        if !self.rest.is_empty() {
            let mut hop = std::mem::take(&mut self.rest);
            hop.resize(HOP, 0);
            self.hear(&hop, outcomes);
        }
        self.limit = end;
        while let State::Speech { last, .. } = self.state {
            self.complete((last + 1 + self.policy.tail).min(self.scores.len()), outcomes);
            self.catch_up(outcomes);
        }
        self.limit = u64::MAX;
        self.audio.clear();
        self.scores.clear();
        self.heard = 0;
        self.base = end;
        self.state = State::Silence { run: 0 };
        self.previous_end = None;
        self.detector.reset();
    }

    pub(crate) fn open(&self) -> Option<Open> {
        let State::Speech { first, last, .. } = self.state else { return None };
        Some(Open { id: self.next_id, from: self.at(first), to: self.at(last + 1), start: self.base })
    }

    /// The audio of the open utterance so far.
    pub(crate) fn open_audio(&self) -> &[i16] {
        &self.audio
    }

    fn at(&self, hop: usize) -> u64 {
        self.base + (hop * HOP) as u64
    }

    fn hear(&mut self, hop: &[i16], outcomes: &mut Vec<Outcome>) {
        let score = self.detector.score(hop);
        self.audio.extend_from_slice(hop);
        self.scores.push(score);
        self.catch_up(outcomes);
    }

    fn catch_up(&mut self, outcomes: &mut Vec<Outcome>) {
        while self.heard < self.scores.len() {
            let index = self.heard;
            self.heard += 1;
            match self.state {
                State::Silence { run } => self.listen(index, run),
                State::Speech { first, last, count } => self.follow(index, first, last, count, outcomes),
            }
        }
    }

    /// A hop while nobody speaks.
    fn listen(&mut self, index: usize, run: usize) {
        let run = if self.scores[index] >= self.policy.onset_score { run + 1 } else { 0 };
        if run >= self.policy.onset {
            let first = index + 1 - run;
            let start = first.saturating_sub(self.policy.pre_roll);
            self.forget(start);
            self.state = State::Speech { first: first - start, last: index - start, count: run };
        } else {
            self.state = State::Silence { run };
            self.forget(self.heard.saturating_sub(self.policy.pre_roll + run));
        }
    }

    /// A hop while somebody speaks.
    fn follow(&mut self, index: usize, first: usize, last: usize, count: usize, outcomes: &mut Vec<Outcome>) {
        let silence = index - last;
        if self.scores[index] >= self.policy.offset_score {
            if silence > self.policy.likely {
                outcomes.push(Outcome::Resumed);
            }
            self.state = State::Speech { first, last: index, count: count + 1 };
            if index + 1 - first >= self.policy.longest {
                self.complete(self.quietest(index), outcomes);
            }
        } else if silence >= self.policy.endpoint(last + 1 - first) {
            self.complete(last + 1 + self.policy.tail.min(silence), outcomes);
        } else if silence == self.policy.likely {
            outcomes.push(Outcome::Likely(self.segment(first, last + 1 + self.policy.tail.min(silence))));
        }
    }

    /// The hop in the last stretch before `index` after which a cut harms least.
    fn quietest(&self, index: usize) -> usize {
        let reach = self.policy.cut_reach;
        let smooth = |at: usize| self.scores[at - 2..=(at + 2).min(index)].iter().sum::<f32>();
        (index + 1 - reach..index)
            .min_by(|&a, &b| smooth(a).total_cmp(&smooth(b)).then(b.cmp(&a)))
            .map_or(index + 1, |at| at + 1)
    }

    fn segment(&self, first: usize, end: usize) -> Segment {
        let mut voiced: Vec<Range<u64>> = Vec::new();
        for hop in first..end {
            if self.scores[hop] < self.policy.offset_score {
                continue;
            }
            let (from, to) = (self.at(hop), self.at(hop + 1).min(self.limit));
            match voiced.last_mut() {
                Some(range) if range.end == from => range.end = to,
                _ => voiced.push(from..to),
            }
        }
        let samples = self.at(end).min(self.limit) - self.base;
        Segment {
            id: self.next_id,
            start: self.base,
            audio: self.audio[..samples as usize].to_vec(),
            scores: self.scores[..end].to_vec(),
            voiced,
            follows: self.previous_end,
        }
    }

    /// Settles the segment that ends before the hop `end`, and starts over with what follows.
    fn complete(&mut self, end: usize, outcomes: &mut Vec<Outcome>) {
        let State::Speech { first, count, .. } = self.state else { return };
        if count >= self.policy.least_voiced {
            let segment = self.segment(first, end);
            self.previous_end = Some(segment.end());
            outcomes.push(Outcome::Complete(segment));
        }
        self.next_id += 1;
        self.forget(end);
        self.heard = 0;
        self.state = State::Silence { run: 0 };
    }

    fn forget(&mut self, hops: usize) {
        self.audio.drain(..hops * HOP);
        self.scores.drain(..hops);
        self.heard = self.heard.saturating_sub(hops);
        self.base += (hops * HOP) as u64;
    }
}

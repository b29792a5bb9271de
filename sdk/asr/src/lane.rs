//! One recognition's work: what is settled, what is likely, and what may be shown meanwhile.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::engine::{EngineError, EngineEvent, FinalText, MAX_PENDING, SAMPLE_RATE};
use crate::segmenter::{Outcome, Segment, Segmenter};
use crate::transcriber::Context;
use crate::words::spread;

/// The audio a first partial is made from: with less, the guess is mostly wrong; with more, it comes after the 400 ms
/// that people notice.
const FIRST_PARTIAL: u64 = SAMPLE_RATE as u64 * 256 / 1_000;
/// Audio between partials, at least.
const PARTIAL_EVERY: u64 = SAMPLE_RATE as u64 / 2;

/// Positions between reports in silence: 250 ms.
const REPORT_EVERY: u64 = SAMPLE_RATE as u64 / 4;

/// Decoding that a lane wants, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// An event that needs no decoding.
    Report,
    Final,
    Likely,
    Partial,
}

impl Urgency {
    pub(crate) fn is_of_a_final(self) -> bool {
        matches!(self, Self::Final | Self::Likely)
    }
}

/// One decoding, with all it needs.
#[derive(Debug)]
pub(crate) enum Job {
    Report,
    /// Of a complete or likely segment.
    Segment {
        segment: Segment,
        context: Context,
    },
    Partial {
        id: u64,
        from: u64,
        to: u64,
        audio: Vec<i16>,
        /// How long it waited for a thread.
        waited: Duration,
    },
}

/// What a decoding gave.
#[derive(Debug)]
pub(crate) enum Done {
    Report,
    Segment {
        id: u64,
        end: u64,
        text: String,
        context: Context,
    },
    Partial {
        id: u64,
        from: u64,
        to: u64,
        text: String,
        /// With the time it waited for a thread.
        took: Duration,
    },
    /// It was stopped, because something more urgent came or nobody wants it any more.
    Stopped,
    Failed(EngineError),
}

pub(crate) struct Lane {
    segmenter: Segmenter,
    outcomes: Vec<Outcome>,
    /// Complete and not yet transcribed, oldest first. Bounded: all their audio counts as pending.
    complete: VecDeque<Segment>,
    likely: Option<Segment>,
    /// The text of a segment that may be complete by now: its id, end, text and the context after it.
    ready: Option<(u64, u64, String, Context)>,
    context: Context,
    /// Whether anybody wants partials.
    partials: bool,
    partial: PartialState,
    phase: Phase,
    /// The last position reported as transcribed.
    transcribed: u64,
    events: Vec<EngineEvent>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// No more audio comes.
    Finished,
    /// The end is reported.
    Ended,
    Failed,
}

#[derive(Default)]
struct PartialState {
    /// The segment the last partial was of.
    id: u64,
    revision: u32,
    /// The position the last one reached.
    to: u64,
    text: String,
    /// Not before this, so that partials take at most half of a core, and are the rarer the longer they wait for one.
    not_before: Option<Instant>,
    /// Since when a thread is wanted for the next one.
    due_since: Option<Instant>,
}

impl Lane {
    pub(crate) fn new(segmenter: Segmenter, partials: bool) -> Self {
        Self {
            segmenter,
            outcomes: Vec::new(),
            complete: VecDeque::new(),
            likely: None,
            ready: None,
            context: Context::default(),
            partials,
            partial: PartialState::default(),
            phase: Phase::Open,
            transcribed: 0,
            events: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, pcm: &[i16]) -> usize {
        if self.phase != Phase::Open {
            return 0;
        }
        let room = MAX_PENDING.saturating_sub(self.pending()) as usize;
        let taken = room.min(pcm.len());
        self.segmenter.push(&pcm[..taken], &mut self.outcomes);
        self.follow();
        taken
    }

    pub(crate) fn skip(&mut self, samples: u64) {
        if self.phase == Phase::Open {
            self.segmenter.skip(samples, &mut self.outcomes);
            self.follow();
        }
    }

    pub(crate) fn finish(&mut self) {
        if self.phase == Phase::Open {
            self.segmenter.finish(&mut self.outcomes);
            self.follow();
            self.phase = Phase::Finished;
        }
    }

    pub(crate) fn pending(&self) -> u64 {
        self.segmenter.position() - self.transcribed
    }

    fn follow(&mut self) {
        for outcome in self.outcomes.drain(..) {
            match outcome {
                Outcome::Likely(segment) => self.likely = Some(segment),
                Outcome::Resumed => self.likely = None,
                Outcome::Complete(segment) => {
                    self.likely = None;
                    self.complete.push_back(segment);
                }
            }
        }
    }

    /// Every final that begins before this position is out.
    fn settled(&self) -> u64 {
        self.complete.front().map_or(self.segmenter.settled(), |segment| segment.start)
    }

    fn report_due(&self) -> bool {
        self.settled() >= self.transcribed + REPORT_EVERY || self.end_due()
    }

    fn end_due(&self) -> bool {
        self.phase == Phase::Finished && self.complete.is_empty()
    }

    /// The most urgent work there is, if any.
    pub(crate) fn wants(&mut self, now: Instant) -> Option<Urgency> {
        if self.phase == Phase::Failed {
            return None;
        }
        if self.report_due() || self.front_is_ready() {
            return Some(Urgency::Report);
        }
        if !self.complete.is_empty() {
            return Some(Urgency::Final);
        }
        if self.likely.as_ref().is_some_and(|segment| !self.is_ready(segment)) {
            return Some(Urgency::Likely);
        }
        self.partial_due(now).then(|| {
            self.partial.due_since.get_or_insert(now);
            Urgency::Partial
        })
    }

    /// When a partial that waits for its time may be made.
    pub(crate) fn wants_at(&self) -> Option<Instant> {
        self.partial.not_before.filter(|_| self.phase == Phase::Open && self.segmenter.open().is_some())
    }

    fn partial_due(&self, now: Instant) -> bool {
        let Some(open) = self.segmenter.open() else { return false };
        let spoken = open.to - open.from;
        let due = if self.partial.id == open.id {
            open.to >= self.partial.to + PARTIAL_EVERY
        } else {
            spoken >= FIRST_PARTIAL
        };
        due && self.partials && self.partial.not_before.is_none_or(|at| now >= at)
    }

    fn is_ready(&self, segment: &Segment) -> bool {
        self.ready.as_ref().is_some_and(|(id, end, ..)| *id == segment.id && *end == segment.end())
    }

    fn front_is_ready(&self) -> bool {
        self.complete.front().is_some_and(|segment| self.is_ready(segment))
    }

    /// The work that [`wants`](Self::wants) spoke of.
    pub(crate) fn job(&mut self, urgency: Urgency, now: Instant) -> Option<Job> {
        match urgency {
            Urgency::Report => Some(Job::Report),
            Urgency::Final | Urgency::Likely => {
                let segment =
                    if urgency == Urgency::Final { self.complete.front() } else { self.likely.as_ref() };
                Some(Job::Segment { segment: segment?.clone(), context: self.context.clone() })
            }
            Urgency::Partial => {
                let open = self.segmenter.open()?;
                let audio = self.segmenter.open_audio().to_vec();
                let since = self.partial.due_since.take().unwrap_or(now);
                let waited = now.saturating_duration_since(since);
                Some(Job::Partial { id: open.id, from: open.from, to: open.to, audio, waited })
            }
        }
    }

    /// Whether a decoding that was begun with `urgency` of the segment `id` that ends at `end` is still worth its time.
    pub(crate) fn still_wants(&self, urgency: Urgency, id: u64, end: u64) -> bool {
        match urgency {
            Urgency::Report | Urgency::Final => true,
            Urgency::Likely => {
                let is = |segment: &Segment| segment.id == id && segment.end() == end;
                self.likely.as_ref().is_some_and(is) || self.complete.front().is_some_and(is)
            }
            Urgency::Partial => self.complete.is_empty() && self.likely.is_none(),
        }
    }

    /// Takes what a decoding gave; returns the events it makes.
    pub(crate) fn done(&mut self, done: Done, now: Instant) -> Vec<EngineEvent> {
        match done {
            Done::Report | Done::Stopped => {}
            Done::Segment { id, end, text, context } => {
                // While it is only likely, it is the best partial there can be.
                if let Some(segment) =
                    self.likely.as_ref().filter(|likely| likely.id == id && likely.end() == end)
                {
                    let (from, to) = (segment.from(), segment.to());
                    self.show(id, from, to, text.clone(), now);
                }
                self.ready = Some((id, end, text, context));
            }
            Done::Partial { id, from, to, text, took } => self.show(id, from, to, text, now + took),
            Done::Failed(error) => {
                self.phase = Phase::Failed;
                self.events.push(EngineEvent::Failed(error));
            }
        }
        if self.front_is_ready()
            && let (Some(segment), Some((_, _, text, context))) =
                (self.complete.pop_front(), self.ready.take())
        {
            self.context = context;
            if !text.is_empty() {
                let words = spread(&text, &segment.voiced);
                self.events.push(EngineEvent::Final(FinalText {
                    from: segment.from(),
                    to: segment.to(),
                    text,
                    words,
                }));
            }
        }
        if self.phase != Phase::Failed && self.report_due() {
            if self.end_due() {
                self.phase = Phase::Ended;
            }
            self.transcribed = self.settled();
            self.events.push(EngineEvent::Transcribed { to: self.transcribed });
        }
        std::mem::take(&mut self.events)
    }

    fn show(&mut self, id: u64, from: u64, to: u64, text: String, not_before: Instant) {
        if self.partial.id != id {
            self.partial = PartialState { id, ..PartialState::default() };
        }
        self.partial.to = to;
        self.partial.not_before = Some(not_before);
        // The final may be out already.
        let open = self.segmenter.open().is_some_and(|open| open.id == id);
        if open && self.partials && !text.is_empty() && text != self.partial.text {
            self.partial.revision += 1;
            self.partial.text.clone_from(&text);
            let revision = self.partial.revision;
            self.events.push(EngineEvent::Partial { from, revision, text });
        }
    }
}

use std::time::Duration;

use glasslink_asr::{Engine, EngineError, EngineEvent, EventSink, FinalText, Recognition};
use glasslink_audio::{DecoderError, FrameDecoder};
use glasslink_protocol::{AudioMessage, Final, FrameIndex, GapCause, Partial, StreamFormat, StreamId, Word};
use tokio::sync::mpsc::UnboundedSender;

use crate::speech::{StreamDecoder, Timeline};
use crate::store::{Piece, Store};

/// Radio losses up to this long are concealed, as a headset does; a cut in the middle of a word would cost the word.
/// The largest packet of the known glasses is 100 ms.
const CONCEALED: Duration = Duration::from_millis(100);

/// A recognition that is taken up again hears this much again first, so that it goes on as if it had never stopped: its
/// detector of voice, its segments and what it knows of the sentence are the same by then.
const HEARD_AGAIN: Duration = Duration::from_secs(48);

/// It starts on this grid, so that engines that work in steps find the same ones.
const GRID: Duration = Duration::from_secs(16);

/// Frames decoded in one turn, so that a backlog does not hold the link up: 1 s, some milliseconds of work.
const FRAMES_A_TURN: u32 = 100;

/// What an engine said, and to which recognition of which stream.
pub(crate) struct Heard {
    pub(crate) stream: StreamId,
    pub(crate) recognition: u64,
    pub(crate) event: EngineEvent,
}

/// Whether a gap is filled in for the engine, so that what is before it and what is behind are of one piece.
pub(crate) fn is_concealed(format: &StreamFormat, from: FrameIndex, to: FrameIndex, cause: GapCause) -> bool {
    cause == GapCause::Radio && format.duration(to.since(from)) <= CONCEALED
}

/// How feeding went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// There is more to be fed, behind frames that cannot be read.
    Lost { from: FrameIndex, to: FrameIndex },
    /// There is more to be fed.
    More,
    /// Everything there is was fed, or the engine takes no more for now.
    Enough,
}

/// One stream on its way through the engine.
pub(crate) struct Transcription {
    stream: StreamId,
    format: StreamFormat,
    /// Whether this build can decode the stream at all.
    decodable: Result<(), DecoderError>,
    /// What is before it needs no recognition any more: it has its final, or is known to have none.
    settled: FrameIndex,
    /// Every final before here was issued.
    transcribed: FrameIndex,
    end: Option<FrameIndex>,
    running: Option<Running>,
    recognitions: u64,
}

struct Running {
    recognition: Box<dyn Recognition>,
    decoder: StreamDecoder,
    timeline: Timeline,
    /// The next frame to be decoded.
    next: FrameIndex,
    /// The position after all that was offered or skipped.
    position: u64,
    /// Decoded and not yet taken.
    offered: Vec<i16>,
    /// A gap that begins where `offered` ends: skipped once that is taken.
    gap: Option<FrameIndex>,
    finished: bool,
}

/// What an engine's event is to the session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Partial(Partial),
    Final(Final),
    Transcribed(FrameIndex),
    Failed(EngineError),
    /// Of a recognition that is gone, or nothing new.
    Nothing,
}

impl Transcription {
    /// `from`: the first frame whose text is wanted.
    pub(crate) fn new(stream: StreamId, format: StreamFormat, from: FrameIndex) -> Self {
        Self::resumed(stream, format, from, from)
    }

    /// Everything before `transcribed`, and perhaps something behind it, is settled up to `settled`.
    pub(crate) fn resumed(
        stream: StreamId,
        format: StreamFormat,
        transcribed: FrameIndex,
        settled: FrameIndex,
    ) -> Self {
        Self {
            stream,
            format,
            decodable: FrameDecoder::new(format).map(|_| ()),
            settled: settled.max(transcribed),
            transcribed,
            end: None,
            running: None,
            recognitions: 0,
        }
    }

    pub(crate) fn format(&self) -> &StreamFormat {
        &self.format
    }

    pub(crate) fn is_decodable(&self) -> bool {
        self.decodable.is_ok()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// What lies before here needs no recognition any more.
    pub(crate) fn settled(&self) -> FrameIndex {
        self.settled
    }

    /// Every final before here was issued, or never will be.
    pub(crate) fn transcribed(&self) -> FrameIndex {
        self.transcribed
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.end.is_some_and(|end| self.transcribed >= end)
    }

    /// Where the stream ends, when that is known.
    pub(crate) fn ended(&self) -> Option<FrameIndex> {
        self.end
    }

    /// No audio comes from `at` on.
    pub(crate) fn end(&mut self, at: FrameIndex) {
        self.end.get_or_insert(at);
    }

    /// Starts a recognition that goes on where the last one left off.
    pub(crate) fn open(
        &mut self,
        engine: &dyn Engine,
        heard: &UnboundedSender<Box<Heard>>,
        store: &dyn Store,
    ) -> Result<(), EngineError> {
        self.open_with(engine, heard, store, |sink| engine.open(sink))
    }

    /// The same, for a stream nobody waits for.
    pub(crate) fn open_in_background(
        &mut self,
        engine: &dyn Engine,
        heard: &UnboundedSender<Box<Heard>>,
        store: &dyn Store,
    ) -> Result<(), EngineError> {
        self.open_with(engine, heard, store, |sink| engine.open_in_background(sink))
    }

    fn open_with(
        &mut self,
        engine: &dyn Engine,
        heard: &UnboundedSender<Box<Heard>>,
        store: &dyn Store,
        open: impl FnOnce(EventSink) -> Result<Box<dyn Recognition>, EngineError>,
    ) -> Result<(), EngineError> {
        let Ok(decoder) = StreamDecoder::new(self.format) else { return Ok(()) };
        self.recognitions += 1;
        let (stream, recognition, heard) = (self.stream, self.recognitions, heard.clone());
        // Bounded by the audio that the recognition takes: at most a minute's events wait here.
        let sink = Box::new(move |event| {
            let _ = heard.send(Box::new(Heard { stream, recognition, event }));
        });
        let (origin, readable) = store.before(self.stream, self.settled);
        let start = if engine.hears_again() { self.start(origin) } else { self.settled };
        let start = start.max(readable).min(self.settled);
        self.running = Some(Running {
            recognition: open(sink)?,
            decoder,
            timeline: Timeline::new(&self.format, start),
            next: start,
            position: 0,
            offered: Vec::new(),
            gap: None,
            finished: false,
        });
        Ok(())
    }

    /// Where to start, when everything from `origin` on is of one piece.
    fn start(&self, origin: FrameIndex) -> FrameIndex {
        let again = self.format.frames_in(HEARD_AGAIN);
        let grid = self.format.frames_in(GRID).max(1);
        let skipped = self.settled.since(origin).saturating_sub(again);
        origin + skipped / grid * grid
    }

    /// Gives up the recognition; what it had not settled is recognised again by the next.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// Whether two seconds of frames in a row were bad, since this was last asked.
    pub(crate) fn take_undecodable(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| running.decoder.take_undecodable())
    }

    /// No recognition is wanted of what lies before `to`: it was let go.
    pub(crate) fn pass_over(&mut self, to: FrameIndex) {
        self.running = None;
        self.settled = self.settled.max(to);
        self.transcribed = self.transcribed.max(to);
    }

    /// Feeds the recognition from the store, one turn's worth at most.
    pub(crate) fn feed(&mut self, store: &mut dyn Store) -> Fed {
        let Some(running) = &mut self.running else { return Fed::Enough };
        let mut budget = FRAMES_A_TURN;
        while budget > 0 {
            if !running.offer() || running.finished {
                return Fed::Enough;
            }
            if self.end.is_some_and(|end| running.next >= end) {
                running.finish();
                continue;
            }
            match store.piece(self.stream, running.next) {
                None => return Fed::Enough,
                Some(Piece::Gap { from, to, cause }) => {
                    if is_concealed(&self.format, from, to, cause) {
                        running.conceal(to);
                    } else {
                        running.skip(to);
                    }
                    budget -= 1;
                }
                Some(Piece::Lost { to }) => {
                    let from = running.next;
                    running.skip(to);
                    return Fed::Lost { from, to };
                }
                Some(Piece::Frames { first, count, body }) => {
                    let message = AudioMessage { stream: self.stream, first, count, body };
                    let known = running.next.since(first) as usize;
                    // The session checked that the body divides into frames.
                    let frames = message.frames(&self.format).into_iter().flatten().skip(known);
                    budget = budget.saturating_sub(running.decode(frames));
                    running.next = running.next.max(message.end());
                }
            }
        }
        Fed::More
    }

    /// Turns positions into frames.
    pub(crate) fn hear(&mut self, recognition: u64, event: EngineEvent) -> Said {
        let Some(running) = self.running.as_ref().filter(|_| recognition == self.recognitions) else {
            return Said::Nothing;
        };
        let timeline = running.timeline;
        match event {
            EngineEvent::Partial { from, revision, text } => {
                let from = timeline.frame(from);
                // Of what is heard again, the finals are known. A frame may be shared with the last one.
                if from + 1 < self.settled {
                    return Said::Nothing;
                }
                Said::Partial(Partial { stream: self.stream, from: from.max(self.settled), revision, text })
            }
            EngineEvent::Final(said) => match self.settle(&timeline, said) {
                Some(settled) => {
                    self.settled = self.settled.max(settled.to);
                    Said::Final(settled)
                }
                None => Said::Nothing,
            },
            EngineEvent::Transcribed { to } => {
                let whole = running.finished && to >= running.position;
                let to = match self.end.filter(|_| whole) {
                    Some(end) => end,
                    None => timeline.frame(to).min(running.next),
                };
                if to <= self.transcribed {
                    return Said::Nothing;
                }
                self.transcribed = to;
                self.settled = self.settled.max(to);
                Said::Transcribed(to)
            }
            EngineEvent::Failed(error) => {
                self.stop();
                Said::Failed(error)
            }
        }
    }

    /// The final in frames, without what was settled before; `None` if nothing is left of it.
    fn settle(&self, timeline: &Timeline, said: FinalText) -> Option<Final> {
        let to = timeline.frame_after(said.to);
        if to <= self.settled {
            return None;
        }
        let begun = timeline.frame(said.from);
        let from = begun.max(self.settled);
        // A frame that two words share is the earlier one's, unless the later one would have none.
        let mut free = from;
        let words = said.words.into_iter().filter_map(|word| {
            let to = timeline.frame_after(word.to).min(to);
            if to <= from {
                return None;
            }
            let from = timeline.frame(word.from).max(free).min(FrameIndex(to.0 - 1));
            free = to;
            Some(Word { text: word.text, from, to, estimated: word.estimated })
        });
        let words: Vec<Word> = words.collect();
        let text = if begun < self.settled {
            words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
        } else {
            said.text
        };
        (!text.is_empty()).then_some(Final { stream: self.stream, from, to, text, words })
    }
}

impl Running {
    /// Offers what is decoded, then the gap behind it. Whether all was taken.
    fn offer(&mut self) -> bool {
        if !self.offered.is_empty() {
            let taken = self.recognition.push(&self.offered).min(self.offered.len());
            self.offered.drain(..taken);
        }
        if !self.offered.is_empty() {
            return false;
        }
        if let Some(to) = self.gap.take() {
            let target = self.timeline.position(to);
            self.recognition.skip(target.saturating_sub(self.position));
            self.position = self.position.max(target);
        }
        true
    }

    /// Returns how many frames there were.
    fn decode<'a>(&mut self, frames: impl Iterator<Item = &'a [u8]>) -> u32 {
        let mut count = 0;
        let before = self.offered.len();
        for frame in frames {
            // A frame that is damaged is concealed; its words may be, too.
            self.decoder.decode(Some(frame), &mut self.offered);
            count += 1;
        }
        self.position += (self.offered.len() - before) as u64;
        count
    }

    fn conceal(&mut self, to: FrameIndex) {
        let before = self.offered.len();
        for _ in 0..to.since(self.next) {
            self.decoder.decode(None, &mut self.offered);
        }
        self.position += (self.offered.len() - before) as u64;
        self.next = to;
    }

    /// Everything up to the gap comes out of the decoder; what is behind it starts afresh.
    fn skip(&mut self, to: FrameIndex) {
        self.flush();
        self.gap = Some(to);
        self.next = to;
    }

    fn finish(&mut self) {
        self.flush();
        if self.offer() {
            self.recognition.finish();
            self.finished = true;
        }
    }

    /// What resampling holds back belongs to the frames before `next`, to the sample.
    fn flush(&mut self) {
        let before = self.offered.len();
        self.decoder.finish(&mut self.offered);
        let due = self.timeline.position(self.next).saturating_sub(self.position);
        self.offered.resize(before + due as usize, 0);
        self.position += (self.offered.len() - before) as u64;
    }
}

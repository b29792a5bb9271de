use std::time::Duration;

use glasslink_asr::{Engine, EngineError, EngineEvent, FinalText, Recognition};
use glasslink_audio::{DecoderError, FrameDecoder};
use glasslink_protocol::{AudioMessage, Final, FrameIndex, GapCause, Partial, StreamFormat, StreamId, Word};
use tokio::sync::mpsc::UnboundedSender;

use crate::speech::Timeline;
use crate::store::{Piece, Store};

/// Radio losses up to this long are concealed, as a headset does; a cut in the middle of a word would cost the word.
/// The largest packet of the known glasses is 100 ms.
const CONCEALED: Duration = Duration::from_millis(100);

/// Frames decoded in one turn, so that a backlog does not hold the link up: 1 s, some milliseconds of work.
const FRAMES_A_TURN: u32 = 100;

/// What an engine said, and to which recognition of which stream.
pub(crate) struct Heard {
    pub(crate) stream: StreamId,
    pub(crate) recognition: u64,
    pub(crate) event: EngineEvent,
}

/// How feeding went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
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
    /// Where a recognition that is opened now begins: what is before it needs none any more.
    settled: FrameIndex,
    /// Every final before here was issued.
    transcribed: FrameIndex,
    /// The first frame after the last final.
    finals_to: FrameIndex,
    end: Option<FrameIndex>,
    running: Option<Running>,
    recognitions: u64,
}

struct Running {
    recognition: Box<dyn Recognition>,
    format: StreamFormat,
    decoder: FrameDecoder,
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
        Self {
            stream,
            format,
            decodable: FrameDecoder::new(format).map(|_| ()),
            settled: from,
            transcribed: from,
            finals_to: from,
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

    /// Starts a recognition where the last one left off.
    pub(crate) fn open(
        &mut self,
        engine: &dyn Engine,
        heard: &UnboundedSender<Heard>,
    ) -> Result<(), EngineError> {
        let Ok(decoder) = FrameDecoder::new(self.format) else { return Ok(()) };
        self.recognitions += 1;
        let (stream, recognition, heard) = (self.stream, self.recognitions, heard.clone());
        // Bounded by the audio that the recognition takes: at most a minute's events wait here.
        let sink = Box::new(move |event| {
            let _ = heard.send(Heard { stream, recognition, event });
        });
        self.running = Some(Running {
            recognition: engine.open(sink)?,
            format: self.format,
            decoder,
            timeline: Timeline::new(&self.format, self.settled),
            next: self.settled,
            position: 0,
            offered: Vec::new(),
            gap: None,
            finished: false,
        });
        Ok(())
    }

    /// Gives up the recognition; what it had not settled is recognised again by the next.
    pub(crate) fn stop(&mut self) {
        self.running = None;
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
                Some(Piece::Gap { to, cause }) => {
                    let frames = to.since(running.next);
                    if cause == GapCause::Radio && self.format.duration(frames) <= CONCEALED {
                        running.conceal(frames);
                    } else {
                        running.skip(to);
                    }
                    budget -= 1;
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
            EngineEvent::Partial { from, revision, text } => Said::Partial(Partial {
                stream: self.stream,
                from: timeline.frame(from).max(self.finals_to),
                revision,
                text,
            }),
            EngineEvent::Final(said) => {
                let settled = self.settle(&timeline, said);
                self.finals_to = settled.to;
                self.settled = self.settled.max(settled.to);
                Said::Final(settled)
            }
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

    fn settle(&self, timeline: &Timeline, said: FinalText) -> Final {
        let from = timeline.frame(said.from).max(self.finals_to);
        let to = timeline.frame_after(said.to).max(from + 1);
        // Neighbours that share a frame: it is the earlier one's, unless the later one would have none.
        let mut free = from;
        let words = said.words.into_iter().map(|word| {
            let to = timeline.frame_after(word.to).clamp(from + 1, to);
            let from = timeline.frame(word.from).max(free).min(FrameIndex(to.0 - 1));
            free = to;
            Word { text: word.text, from, to, estimated: word.estimated }
        });
        Final { stream: self.stream, from, to, text: said.text, words: words.collect() }
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
            let _ = self.decoder.decode(Some(frame), &mut self.offered);
            count += 1;
        }
        self.position += (self.offered.len() - before) as u64;
        count
    }

    fn conceal(&mut self, frames: u64) {
        let before = self.offered.len();
        for _ in 0..frames {
            let _ = self.decoder.decode(None, &mut self.offered);
        }
        self.position += (self.offered.len() - before) as u64;
        self.next += frames;
    }

    /// Everything up to the gap comes out of the decoder; what is behind it starts afresh.
    fn skip(&mut self, to: FrameIndex) {
        self.flush();
        self.gap = Some(to);
        self.next = to;
        if let Ok(decoder) = FrameDecoder::new(self.format) {
            self.decoder = decoder;
        }
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

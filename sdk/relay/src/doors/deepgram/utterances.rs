use std::collections::VecDeque;
use std::time::Duration;

use glasslink_protocol::StreamId;

use super::query::Query;
use super::response::{Alternative, Channel, Response, Results, Word, seconds};
use crate::doors::fed::Split;

/// Engines do not say how sure they are.
const CONFIDENCE: f64 = 1.0;

/// What is said on one channel, as Deepgram tells it.
pub(super) struct Utterances {
    /// Which, of how many.
    channel: [usize; 2],
    interim_results: bool,
    vad_events: bool,
    utterance_end: Option<Duration>,
    /// Somebody speaks since then, and that was told.
    speaking: Option<Duration>,
    /// Where the last word ended, until the end of its utterance is told.
    last_word: Option<Duration>,
    /// Streams that end with a `Finalize`, oldest first.
    finalizing: VecDeque<StreamId>,
    /// The last final of the first of them: whether another follows is not known yet.
    held: Option<Passage>,
}

/// Passage at its place in the channel's audio.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Passage {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) text: String,
    pub(super) words: Vec<(String, Duration, Duration)>,
}

impl Utterances {
    pub(super) fn new(channel: [usize; 2], query: &Query) -> Self {
        Self {
            channel,
            interim_results: query.interim_results,
            vad_events: query.vad_events,
            utterance_end: query.utterance_end,
            speaking: None,
            last_word: None,
            finalizing: VecDeque::new(),
            held: None,
        }
    }

    /// The text of what was sent so far is wanted; `split`: what of it was not said yet.
    pub(super) fn finalize(&mut self, split: Split, at: Duration, out: &mut Vec<Response>) {
        match split {
            Split::Awaited(stream) => self.finalizing.push_back(stream),
            _ if self.finalizing.is_empty() => out.push(self.results(nothing(at), true, true)),
            // The answer to the one before is this one's, too.
            _ => {}
        }
    }

    /// Passage that may change, of what is said from `from` on, and was heard to `to`.
    pub(super) fn partial(&mut self, from: Duration, to: Duration, text: String, out: &mut Vec<Response>) {
        self.began(from, out);
        if self.interim_results {
            let words = spread(&text, from, to);
            out.push(self.results(Passage { from, to, text, words }, false, false));
        }
    }

    pub(super) fn settled(&mut self, stream: StreamId, text: Passage, out: &mut Vec<Response>) {
        self.began(text.from, out);
        self.speaking = None;
        self.last_word = Some(text.words.last().map_or(text.to, |(_, _, end)| *end));
        if self.finalizing.front() == Some(&stream) {
            if let Some(earlier) = self.held.replace(text) {
                out.push(self.results(earlier, true, false));
            }
        } else {
            out.push(self.results(text, true, false));
        }
    }

    /// Every text of `stream` before `to` was told; `is_done`: that is all of it.
    pub(super) fn transcribed(
        &mut self,
        stream: StreamId,
        to: Duration,
        is_done: bool,
        out: &mut Vec<Response>,
    ) {
        if is_done && self.finalizing.front() == Some(&stream) {
            self.finalizing.pop_front();
            let text = self.held.take().unwrap_or_else(|| nothing(to));
            out.push(self.results(text, true, true));
        }
        // It was no word.
        self.speaking.take_if(|from| to > *from);
        if let Some((pause, last_word)) = self.utterance_end.zip(self.last_word)
            && to >= last_word + pause
        {
            self.last_word = None;
            out.push(Response::UtteranceEnd { channel: self.channel, last_word_end: seconds(last_word) });
        }
    }

    fn began(&mut self, at: Duration, out: &mut Vec<Response>) {
        if self.speaking.replace(at).is_none() && self.vad_events {
            out.push(Response::SpeechStarted { channel: self.channel, timestamp: seconds(at) });
        }
    }

    fn results(&self, said: Passage, is_final: bool, from_finalize: bool) -> Response {
        let Passage { from, to, text, words } = said;
        let words = words.into_iter().map(|(word, start, end)| Word {
            bare: bare(&word),
            start: seconds(start),
            end: seconds(end),
            confidence: CONFIDENCE,
            written: word,
        });
        let words: Vec<Word> = words.collect();
        let confidence = if words.is_empty() { 0.0 } else { CONFIDENCE };
        Response::Results(Results {
            channel_index: self.channel,
            start: seconds(from),
            duration: seconds(to.saturating_sub(from)),
            is_final,
            speech_final: is_final,
            from_finalize,
            channel: Channel { alternatives: [Alternative { transcript: text, confidence, words }] },
            metadata: None,
        })
    }
}

fn nothing(at: Duration) -> Passage {
    Passage { from: at, to: at, text: String::new(), words: Vec::new() }
}

/// A word without its punctuation: what is within it belongs to it.
fn bare(word: &str) -> String {
    let trimmed = word.trim_matches(|c: char| !c.is_alphanumeric());
    if trimmed.is_empty() { word.to_lowercase() } else { trimmed.to_lowercase() }
}

/// The words of text whose times are not known yet: each as long as its letters.
fn spread(text: &str, from: Duration, to: Duration) -> Vec<(String, Duration, Duration)> {
    let letters = |word: &str| u32::try_from(word.chars().count()).unwrap_or(u32::MAX).saturating_add(1);
    let total = text.split_whitespace().map(letters).fold(0, u32::saturating_add).max(1);
    let whole = to.saturating_sub(from);
    let mut before = 0_u32;
    let words = text.split_whitespace().map(|word| {
        let start = from + whole.mul_f64(f64::from(before) / f64::from(total));
        before = before.saturating_add(letters(word));
        let end = from + whole.mul_f64(f64::from(before) / f64::from(total));
        (word.to_owned(), start, end)
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: StreamId = StreamId(1);
    const B: StreamId = StreamId(2);

    fn utterances(query: &str) -> Utterances {
        let uri = format!("/v1/listen?encoding=linear16&sample_rate=16000&{query}").parse().unwrap();
        Utterances::new([0, 1], &Query::parse(&uri).unwrap())
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn text(from: u64, to: u64, text: &str) -> Passage {
        Passage { from: ms(from), to: ms(to), text: text.into(), words: spread(text, ms(from), ms(to)) }
    }

    /// What was told, briefly.
    fn told(out: &mut Vec<Response>) -> Vec<String> {
        let brief = |response: Response| match response {
            Response::Results(results) => {
                let kind = match (results.is_final, results.from_finalize) {
                    (false, _) => "interim",
                    (true, false) => "final",
                    (true, true) => "finalized",
                };
                format!("{kind}: {}", results.channel.alternatives[0].transcript)
            }
            Response::UtteranceEnd { last_word_end, .. } => format!("end: {last_word_end}"),
            Response::SpeechStarted { timestamp, .. } => format!("start: {timestamp}"),
            other => format!("{other:?}"),
        };
        std::mem::take(out).into_iter().map(brief).collect()
    }

    #[test]
    fn an_utterance_starts_once_and_ends_once_after_its_pause() {
        let mut utterances = utterances("interim_results=true&vad_events=true&utterance_end_ms=1000");
        let mut out = Vec::new();
        utterances.partial(ms(500), ms(900), "ever".into(), &mut out);
        utterances.partial(ms(500), ms(1_300), "ever tried".into(), &mut out);
        utterances.settled(A, text(500, 1_500, "Ever tried."), &mut out);
        utterances.transcribed(A, ms(2_400), false, &mut out);
        assert_eq!(
            told(&mut out),
            ["start: 0.5", "interim: ever", "interim: ever tried", "final: Ever tried."]
        );
        utterances.transcribed(A, ms(2_500), false, &mut out);
        utterances.transcribed(A, ms(9_500), false, &mut out);
        assert_eq!(told(&mut out), ["end: 1.5"]);
        utterances.settled(A, text(9_600, 9_900, "Ever failed."), &mut out);
        utterances.partial(ms(10_000), ms(10_100), "no".into(), &mut out);
        utterances.transcribed(A, ms(10_000), false, &mut out);
        assert_eq!(told(&mut out), ["start: 9.6", "final: Ever failed.", "start: 10", "interim: no"]);
    }

    #[test]
    fn what_turns_out_to_be_no_word_ends_no_utterance_and_hides_no_other() {
        let mut utterances = utterances("vad_events=true&utterance_end_ms=1000");
        let mut out = Vec::new();
        utterances.settled(A, text(500, 1_500, "Ever tried."), &mut out);
        utterances.partial(ms(2_000), ms(2_200), "uh".into(), &mut out);
        utterances.transcribed(A, ms(2_000), false, &mut out);
        assert_eq!(told(&mut out), ["start: 0.5", "final: Ever tried.", "start: 2"]);
        utterances.transcribed(A, ms(4_000), false, &mut out);
        utterances.settled(A, text(4_500, 5_000, "Ever failed."), &mut out);
        assert_eq!(told(&mut out), ["end: 1.5", "start: 4.5", "final: Ever failed."]);
    }

    #[test]
    fn without_being_asked_for_nothing_but_finals_is_told() {
        let mut utterances = utterances("");
        let mut out = Vec::new();
        utterances.partial(ms(500), ms(900), "ever".into(), &mut out);
        utterances.settled(A, text(500, 1_500, "Ever tried."), &mut out);
        utterances.transcribed(A, ms(20_000), false, &mut out);
        assert_eq!(told(&mut out), ["final: Ever tried."]);
    }

    #[test]
    fn finalize_is_answered_once_by_the_last_final_or_by_an_empty_one() {
        let mut utterances = utterances("");
        let mut out = Vec::new();
        utterances.finalize(Split::Awaited(A), ms(3_000), &mut out);
        utterances.finalize(Split::Nothing, ms(3_000), &mut out);
        utterances.settled(A, text(500, 1_500, "Ever tried."), &mut out);
        utterances.settled(A, text(1_600, 2_500, "Ever failed."), &mut out);
        assert_eq!(told(&mut out), ["final: Ever tried."]);
        utterances.transcribed(A, ms(3_000), true, &mut out);
        assert_eq!(told(&mut out), ["finalized: Ever failed."]);
        utterances.settled(B, text(3_000, 3_500, "No matter."), &mut out);
        utterances.finalize(Split::Awaited(B), ms(4_000), &mut out);
        utterances.transcribed(B, ms(4_000), true, &mut out);
        utterances.finalize(Split::Nothing, ms(4_000), &mut out);
        assert_eq!(told(&mut out), ["final: No matter.", "finalized: ", "finalized: "]);
    }

    #[test]
    fn words_have_their_letters_and_their_times() {
        let mut utterances = utterances("");
        let mut out = Vec::new();
        utterances.settled(A, text(1_000, 2_000, "\u{201c}Don't!\u{201d} 4.5"), &mut out);
        let Some(Response::Results(results)) = out.pop() else { panic!("no results") };
        let words = &results.channel.alternatives[0].words;
        assert_eq!(words.iter().map(|word| word.bare.as_str()).collect::<Vec<_>>(), ["don't", "4.5"]);
        assert_eq!(words[0].written, "\u{201c}Don't!\u{201d}");
        assert!((words[0].start - 1.0).abs() < 1e-9 && (words[1].end - 2.0).abs() < 1e-9);
        assert!(words[0].end <= words[1].start);
    }
}

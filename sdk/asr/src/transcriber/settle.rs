use std::collections::VecDeque;

use super::{Hypothesis, Transcriber};
use crate::engine::{EngineError, SAMPLE_RATE};
use crate::segmenter::Segment;
use crate::vad::HOP;

/// A longer segment is decoded alone: it is its own context.
const LONGEST_CONTINUED: usize = 8 * SAMPLE_RATE as usize;
/// The most audio decoded at once with what was said before, if the segment just before it is not more: the encoder
/// takes some 25 ms a second, and somebody waits.
const LONGEST: usize = 12 * SAMPLE_RATE as usize;
/// The most with that one segment.
const LONGEST_WITH_ONE: usize = 20 * SAMPLE_RATE as usize;
/// After a longer pause, what was said before does not help.
const LONGEST_PAUSE: u64 = 2 * SAMPLE_RATE as u64;
/// A hypothesis may say nothing about less voice than this: a cough, or a word's end that was guessed before.
const LONGEST_UNHEARD: u64 = 3 * SAMPLE_RATE as u64 / 2;
/// Halves of 2 s still hold words.
const SHORTEST_HALVED: usize = 2 * SAMPLE_RATE as usize / HOP;

/// What was said before, as far as it helps to hear what comes next: a speaker's pauses cut sentences in two, and half
/// a sentence is harder to hear.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    /// The last segments, oldest first.
    said: VecDeque<Said>,
    /// Where their last voiced hop ends.
    to: u64,
    /// Whether the last text ended a sentence.
    sentence_ended: bool,
}

#[derive(Clone, Debug)]
struct Said {
    audio: Vec<i16>,
    tokens: Vec<u32>,
}

/// The text of a settled segment, a function of it and its context alone. The context becomes that of the next one.
/// `None`, and no change, when `stop` says so first.
pub(crate) fn settle(
    transcriber: &mut dyn Transcriber,
    segment: &Segment,
    context: &mut Context,
    stop: &dyn Fn() -> bool,
) -> Result<Option<String>, EngineError> {
    let mut next = context.clone();
    next.fit(segment);
    let mut heard = None;
    if !next.said.is_empty() {
        let Some(continued) = next.continuation(transcriber, &segment.audio, stop)? else { return Ok(None) };
        heard = Some(continued).filter(|continued| !is_doubtful(transcriber, continued, segment));
    }
    let tokens = if let Some(hypothesis) = heard {
        hypothesis.tokens
    } else {
        let Some(tokens) = whole_or_halves(transcriber, &segment.audio, &segment.scores, stop)? else {
            return Ok(None);
        };
        // The context did not help here, so it would not help the next segment.
        next.said.clear();
        tokens
    };
    let text = next.sentence(&transcriber.text(&tokens));
    next.add(transcriber, segment, tokens);
    *context = next;
    Ok(Some(text))
}

impl Context {
    /// Forgets what is too far back to help with `segment`, or too much to decode with it.
    fn fit(&mut self, segment: &Segment) {
        let far = segment.follows.is_none() || segment.from() > self.to + LONGEST_PAUSE;
        if far || segment.audio.len() > LONGEST_CONTINUED {
            self.said.clear();
        }
        self.sentence_ended &= !far;
        let mut samples = segment.audio.len() + self.said.iter().map(|said| said.audio.len()).sum::<usize>();
        while samples > if self.said.len() > 1 { LONGEST } else { LONGEST_WITH_ONE }
            && let Some(said) = self.said.pop_front()
        {
            samples -= said.audio.len();
        }
    }

    /// What follows, in `audio`, upon what was said before it.
    fn continuation(
        &self,
        transcriber: &mut dyn Transcriber,
        audio: &[i16],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Hypothesis>, EngineError> {
        let joint: Vec<i16> = self.said.iter().flat_map(|said| &said.audio).chain(audio).copied().collect();
        let mut tokens: Vec<u32> = self.said.iter().flat_map(|said| &said.tokens).copied().collect();
        // Whether the sentence ends here is for the decoder to say anew: it has not heard what comes.
        while tokens.last().is_some_and(|&last| !transcriber.text(&[last]).contains(char::is_alphanumeric)) {
            tokens.pop();
        }
        transcriber.transcribe(&joint, &tokens, stop)
    }

    /// The text as it stands by itself: without the punctuation that ended what was said before, and with a capital
    /// after a full stop.
    fn sentence(&mut self, text: &str) -> String {
        let text = text
            .trim_start_matches(|letter: char| letter.is_ascii_punctuation() && !"\"'$(".contains(letter));
        let text = text.trim_start();
        let mut letters = text.chars();
        let text = match letters.next() {
            Some(first) if self.sentence_ended => first.to_uppercase().chain(letters).collect(),
            _ => text.to_owned(),
        };
        if !text.is_empty() {
            self.sentence_ended = text.ends_with(['.', '?', '!']);
        }
        text
    }

    fn add(&mut self, transcriber: &dyn Transcriber, segment: &Segment, tokens: Vec<u32>) {
        self.to = segment.to();
        if !transcriber.text(&tokens).is_empty() {
            self.said.push_back(Said { audio: segment.audio.clone(), tokens });
        }
    }
}

/// Whether a hypothesis should be tried again without the context.
fn is_doubtful(transcriber: &dyn Transcriber, hypothesis: &Hypothesis, segment: &Segment) -> bool {
    let voiced: u64 = segment.voiced.iter().map(|range| range.end - range.start).sum();
    let nothing = !transcriber.text(&hypothesis.tokens).contains(char::is_alphanumeric);
    hypothesis.doubt.is_some() || (nothing && voiced >= LONGEST_UNHEARD)
}

/// A doubtful hypothesis is given up for those of the two halves, cut where the voice is weakest: shorter audio leads
/// the decoder astray less.
fn whole_or_halves(
    transcriber: &mut dyn Transcriber,
    audio: &[i16],
    scores: &[f32],
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<u32>>, EngineError> {
    let Some(Hypothesis { tokens, doubt }) = transcriber.transcribe(audio, &[], stop)? else {
        return Ok(None);
    };
    if doubt.is_none() || scores.len() < SHORTEST_HALVED {
        return Ok(Some(tokens));
    }
    let cut = weakest(scores);
    let Some(mut tokens) = whole_or_halves(transcriber, &audio[..cut * HOP], &scores[..cut], stop)? else {
        return Ok(None);
    };
    let Some(rest) = whole_or_halves(transcriber, &audio[cut * HOP..], &scores[cut..], stop)? else {
        return Ok(None);
    };
    tokens.extend(rest);
    Ok(Some(tokens))
}

/// The hop in the middle half where the voice is weakest.
fn weakest(scores: &[f32]) -> usize {
    let quarter = scores.len() / 4;
    let around = |at: usize| scores[at.saturating_sub(2)..(at + 3).min(scores.len())].iter().sum::<f32>();
    (quarter..scores.len() - quarter)
        .min_by(|&a, &b| around(a).total_cmp(&around(b)))
        .unwrap_or(scores.len() / 2)
}

use super::{Hypothesis, Transcriber};
use crate::engine::EngineError;
use crate::segmenter::Segment;
use crate::vad::HOP;

/// What was said before, as far as it helps to hear what comes next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {}

/// The text of a settled segment, a function of the segment and its context alone. `None` when `stop` says so first.
pub(crate) fn settle(
    transcriber: &mut dyn Transcriber,
    segment: &Segment,
    _context: &mut Context,
    stop: &dyn Fn() -> bool,
) -> Result<Option<String>, EngineError> {
    let Some(tokens) = whole_or_halves(transcriber, &segment.audio, &segment.scores, stop)? else {
        return Ok(None);
    };
    Ok(Some(transcriber.text(&tokens)))
}

/// A doubtful hypothesis is given up for those of the two halves, cut where the voice is weakest: shorter audio leads
/// the decoder astray less.
fn whole_or_halves(
    transcriber: &mut dyn Transcriber,
    audio: &[i16],
    scores: &[f32],
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<u32>>, EngineError> {
    let Some(Hypothesis { tokens, doubt, .. }) = transcriber.transcribe(audio, &[], stop)? else {
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

/// 2 s: halves of it still hold words.
const SHORTEST_HALVED: usize = 2 * 16_000 / HOP;

/// The hop in the middle half where the voice is weakest.
fn weakest(scores: &[f32]) -> usize {
    let quarter = scores.len() / 4;
    (quarter..scores.len() - quarter)
        .min_by(|&a, &b| around(scores, a).total_cmp(&around(scores, b)))
        .unwrap_or(scores.len() / 2)
}

fn around(scores: &[f32], at: usize) -> f32 {
    scores[at.saturating_sub(2)..(at + 3).min(scores.len())].iter().sum()
}

use std::ops::Range;

use crate::engine::WordTime;

/// Spreads the words of `text` over the voiced stretches, each in proportion to its letters.
pub(crate) fn spread(text: &str, voiced: &[Range<u64>]) -> Vec<WordTime> {
    let total: u64 = voiced.iter().map(|range| range.end - range.start).sum();
    let weights: u64 = text.split_whitespace().map(weight).sum();
    let mut before = 0;
    text.split_whitespace()
        .map(|word| {
            let from = voiced_from(total * before / weights, voiced);
            before += weight(word);
            WordTime {
                text: word.to_owned(),
                from,
                to: voiced_to(total * before / weights, voiced),
                estimated: true,
            }
        })
        .collect()
}

/// The words of `text` at the times an engine gave, in order; where it gave others than there are words, spread over
/// `voiced`.
pub(crate) fn timed(text: &str, times: &[Range<u64>], voiced: Range<u64>) -> Vec<WordTime> {
    if text.split_whitespace().count() != times.len() {
        return spread(text, &[voiced]);
    }
    let mut free = voiced.start;
    let words = text.split_whitespace().zip(times).map(|(word, time)| {
        let from = time.start.clamp(free, voiced.end);
        free = time.end.clamp(from, voiced.end);
        WordTime { text: word.to_owned(), from, to: free, estimated: false }
    });
    words.collect()
}

/// A word takes as long as its letters, and a moment besides.
fn weight(word: &str) -> u64 {
    word.chars().filter(|letter| letter.is_alphanumeric()).count() as u64 + 2
}

/// The position `offset` voiced samples in; at the end of a stretch, the start of the next.
fn voiced_from(mut offset: u64, voiced: &[Range<u64>]) -> u64 {
    for range in voiced {
        let length = range.end - range.start;
        if offset < length {
            return range.start + offset;
        }
        offset -= length;
    }
    voiced.last().map_or(0, |range| range.end)
}

/// The position `offset` voiced samples in; at the end of a stretch, that end.
fn voiced_to(mut offset: u64, voiced: &[Range<u64>]) -> u64 {
    for range in voiced {
        let length = range.end - range.start;
        if offset <= length {
            return range.start + offset;
        }
        offset -= length;
    }
    voiced.last().map_or(0, |range| range.end)
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list of one stretch is meant")]
mod tests {
    use super::*;

    #[test]
    fn words_follow_each_other_and_fill_the_voiced_time() {
        let words = spread("Ever tried, ever failed.", &[1_000..5_000, 9_000..12_000]);
        assert_eq!(
            words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(),
            ["Ever", "tried,", "ever", "failed."]
        );
        assert_eq!(words[0].from, 1_000);
        assert_eq!(words[3].to, 12_000);
        for pair in words.windows(2) {
            assert!(pair[0].from < pair[0].to && pair[0].to <= pair[1].from, "{pair:?}");
        }
        assert!(words.iter().all(|word| word.estimated));
    }

    #[test]
    fn a_longer_word_gets_more_time() {
        let words = spread("a conversation", &[0..16_000]);
        assert!(words[1].to - words[1].from > 3 * (words[0].to - words[0].from));
    }
}

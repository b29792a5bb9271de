/// Why a hypothesis is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It says the same over and over.
    Loop,
    /// It says more than anyone can in the time.
    Endless,
}

/// The longest phrase looked for, in tokens.
const LONGEST: usize = 16;

/// How many tokens at the end of `tokens` are repetitions too many: a phrase of one or two tokens five times in a
/// row, one of up to five four times, a longer one three times. People say "no, no, no"; nobody repeats a sentence at once twice.
pub(crate) fn repeats(tokens: &[u32]) -> Option<usize> {
    (1..=LONGEST.min(tokens.len() / 3)).find_map(|length| {
        let times = match length {
            1 | 2 => 6,
            3..=5 => 4,
            _ => 3,
        };
        let tail = tokens.len().checked_sub(length * times)?;
        let (phrase, again) = tokens[tail..].split_at(length);
        again.chunks_exact(length).all(|chunk| chunk == phrase).then_some(again.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_said_three_times_is_a_loop() {
        let once = [5, 6, 7, 8, 9, 10, 11];
        assert_eq!(repeats(&[&[1, 2][..], &once, &once, &once].concat()), Some(14));
    }

    #[test]
    fn what_people_do_say_is_not() {
        assert_eq!(repeats(&[1, 7, 7, 7, 7]), None);
        assert_eq!(repeats(&[1, 2, 3, 4, 5, 6, 7, 8]), None);
        assert_eq!(repeats(&[]), None);
    }
}

//! Counting wrong words.

/// What is said in `beckett.wav`.
pub(crate) const BECKETT: &str = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.";

/// What is said in `two_cities.wav`.
pub(crate) const TWO_CITIES: &str = "It was the best of times, it was the worst of times, it was the age of wisdom, \
    it was the age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of \
    Light, it was the season of Darkness, it was the spring of hope, it was the winter of despair, we had everything \
    before us, we had nothing before us, we were all going direct to Heaven, we were all going direct the other way \
    - in short, the period was so far like the present period, that some of its noisiest authorities insisted on its \
    being received, for good or for evil, in the superlative degree of comparison only.";

const NUMBERS: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
];

/// The least number of words to insert, delete or replace, and the words of the reference.
pub(crate) fn errors(reference: &str, said: &str) -> (usize, usize) {
    let (reference, said) = (words(reference), words(said));
    let mut row: Vec<usize> = (0..=said.len()).collect();
    for (before, word) in reference.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = before + 1;
        for (at, other) in said.iter().enumerate() {
            let replaced = diagonal + usize::from(word != other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    (row[said.len()], reference.len())
}

fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('\u{2019}', "'");
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
        .map(|word| match word.parse::<usize>() {
            Ok(number) if number < NUMBERS.len() => NUMBERS[number].to_owned(),
            _ => word.to_owned(),
        })
        .collect()
}

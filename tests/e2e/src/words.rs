/// Word error rate: words to insert, delete and replace to get from `said` to `heard`, per word of `said`. Case and
/// punctuation do not count.
pub fn error_rate(said: &str, heard: &str) -> f64 {
    let (said, heard) = (words(said), words(heard));
    let mut costs: Vec<usize> = (0..=heard.len()).collect();
    for (row, word) in said.iter().enumerate() {
        let mut diagonal = costs[0];
        costs[0] = row + 1;
        for (column, other) in heard.iter().enumerate() {
            let replaced = diagonal + usize::from(word != other);
            diagonal = costs[column + 1];
            costs[column + 1] = replaced.min(diagonal + 1).min(costs[column] + 1);
        }
    }
    costs[heard.len()] as f64 / said.len() as f64
}

fn words(text: &str) -> Vec<String> {
    let letters =
        |word: &str| word.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    text.split_whitespace().map(letters).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::error_rate;

    #[test]
    fn each_kind_of_error_counts_once_and_case_and_punctuation_never() {
        assert!((error_rate("Ever tried. Ever failed.", "ever tried ever failed") - 0.0).abs() < 1e-9);
        assert!((error_rate("a b c d", "a x c d") - 0.25).abs() < 1e-9);
        assert!((error_rate("a b c d", "a c d") - 0.25).abs() < 1e-9);
        assert!((error_rate("a b c d", "a b b c d") - 0.25).abs() < 1e-9);
        assert!((error_rate("a b", "") - 1.0).abs() < 1e-9);
    }
}

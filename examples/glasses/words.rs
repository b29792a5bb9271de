/// Words as they are compared: letters and digits, lower case.
fn words(text: &str) -> Vec<String> {
    let keep =
        |word: &str| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    text.split(|c: char| c.is_whitespace() || c == '-')
        .map(keep)
        .filter(|word: &String| !word.is_empty())
        .collect()
}

/// Words wrong, missing or too many, and words that were said.
pub(crate) fn errors(said: &str, heard: &str) -> (usize, usize) {
    let (said, heard) = (words(said), words(heard));
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (at, word) in said.iter().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], at + 1);
        for (column, other) in heard.iter().enumerate() {
            let same = corner + usize::from(word != other);
            corner = row[column + 1];
            row[column + 1] = same.min(row[column] + 1).min(corner + 1);
        }
    }
    (row[heard.len()], said.len())
}

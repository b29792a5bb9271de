//! The logs of every relay that the tests start, and the search for what none of them may hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Tests that start relays collect their logs in the folder that this names.
const VARIABLE: &str = "GLASSLINK_TEST_LOGS";

/// What is said in the tests.
const SAID: [&str; 2] = ["tests/e2e/src/said/two_cities.txt", "tests/e2e/src/said/beckett.txt"];

/// Words of it that no log has for reasons of its own.
const RARE: [&str; 4] = ["foolishness", "incredulity", "noisiest", "superlative"];

/// How tokens of the tests begin, and keys and tokens that a relay makes.
const SECRETS: [&str; 4] = ["test-secret-", "gld_", "gla_", "glt_"];

/// Digits of a session's id, which is a secret, too.
const SESSION_DIGITS: usize = 32;

/// Logs that are collected while tests run.
pub(crate) struct Logs {
    folder: PathBuf,
}

/// What no line of a log may have.
struct Forbidden {
    /// Words in a row, each with a space before and behind.
    phrases: BTreeSet<String>,
}

impl Logs {
    /// An empty folder.
    pub(crate) fn new() -> Result<Self> {
        let folder = workspace::root().join(workspace::target()).join("test-logs");
        if folder.exists() {
            fs::remove_dir_all(&folder).context("logs of earlier tests cannot be removed")?;
        }
        fs::create_dir_all(&folder).context("there is no room for logs")?;
        Ok(Self { folder })
    }

    /// Tests that `command` runs collect logs here.
    pub(crate) fn of(&self, command: &mut Command) {
        command.env(VARIABLE, &self.folder);
    }

    /// Whether no log has a secret or a word of speech in it. Prints where one has.
    pub(crate) fn check(&self) -> Result<bool> {
        let forbidden = Forbidden::read()?;
        let found = search(&self.folder, &forbidden)?;
        println!("{} logs, {} lines, {} relays that listened", found.logs, found.lines, found.listened);
        // Else nothing was looked at.
        ensure!(found.listened > 0, "no relay wrote a log into {}", self.folder.display());
        for line in &found.forbidden {
            eprintln!("{line}");
        }
        Ok(found.forbidden.is_empty())
    }
}

#[derive(Default)]
struct Found {
    logs: usize,
    lines: usize,
    /// Relays that say so.
    listened: usize,
    /// Where, and what kind: not what, which would be in one more log.
    forbidden: Vec<String>,
}

fn search(folder: &Path, forbidden: &Forbidden) -> Result<Found> {
    let mut found = Found::default();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        let log = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        found.logs += 1;
        for (number, line) in String::from_utf8_lossy(&log).lines().enumerate() {
            found.lines += 1;
            found.listened += usize::from(line.contains("listening"));
            if let Some(what) = forbidden.is_in(line) {
                found.forbidden.push(format!("{}:{}: {what}", path.display(), number + 1));
            }
        }
    }
    Ok(found)
}

impl Forbidden {
    fn read() -> Result<Self> {
        let mut phrases = BTreeSet::new();
        for path in SAID {
            let said =
                fs::read_to_string(workspace::root().join(path)).with_context(|| format!("no {path}"))?;
            let words = words(&said);
            phrases.extend(words.windows(3).map(|three| format!(" {} ", three.join(" "))));
            phrases.extend(
                RARE.iter()
                    .filter(|rare| words.iter().any(|word| word == *rare))
                    .map(|rare| format!(" {rare} ")),
            );
        }
        for rare in RARE {
            ensure!(phrases.contains(&format!(" {rare} ")), "{rare} is said in no test");
        }
        Ok(Self { phrases })
    }

    /// What kind of secret a line has.
    fn is_in(&self, line: &str) -> Option<&'static str> {
        if SECRETS.iter().any(|secret| line.contains(secret)) {
            return Some("a token or key");
        }
        let is_digit = |letter: char| letter.is_ascii_hexdigit();
        if line.split(|letter| !is_digit(letter)).any(|digits| digits.len() == SESSION_DIGITS) {
            return Some("a session's id");
        }
        let spoken = format!(" {} ", words(line).join(" "));
        self.phrases.iter().any(|phrase| spoken.contains(phrase)).then_some("speech")
    }
}

/// As they are heard: without case and punctuation.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HARMLESS: &str =
        r#"INFO connection{trace=5f0d}: stream opened stream=1 sha256="a3f1" it was decided"#;

    #[test]
    fn a_secret_or_a_word_that_is_in_a_log_is_found() {
        let forbidden = Forbidden::read().unwrap();
        assert_eq!(forbidden.is_in(HARMLESS), None);
        for (planted, what) in [
            ("final text=\"It was the best of times,\"", "speech"),
            (r#"{"words":[{"text":"foolishness","from":1}]}"#, "speech"),
            ("heard: No matter. Try again.", "speech"),
            ("token=test-secret-of-the-owner", "a token or key"),
            ("Authorization: Bearer glt_00000000000000005f0dAAAA", "a token or key"),
            ("session=000102030405060708090a0b0c0d0e0f attached", "a session's id"),
        ] {
            assert_eq!(forbidden.is_in(planted), Some(what), "{planted}");
        }
    }

    #[test]
    fn every_line_of_every_log_is_looked_at() {
        let folder = std::env::temp_dir().join(format!("glasslink-logs-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("1.log"), format!("INFO listening\n{HARMLESS}\n")).unwrap();
        fs::write(folder.join("2.log"), format!("{HARMLESS}\nthe winter of despair")).unwrap();
        let found = search(&folder, &Forbidden::read().unwrap()).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((found.logs, found.lines, found.listened), (2, 4, 1));
        assert!(
            found.forbidden.len() == 1 && found.forbidden[0].ends_with("2.log:2: speech"),
            "{:?}",
            found.forbidden
        );
    }
}

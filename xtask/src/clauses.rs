//! The clauses of SPEC.md, and the tests that name them.

use std::fs;

use anyhow::{Context, Result};

use crate::{sources, workspace};

const SPEC: &str = "sdk/protocol/SPEC.md";

/// What a test says before the clauses it shows.
const MARK: &str = "SPEC P";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Clauses {
    pub(crate) clauses: Vec<Clause>,
    pub(crate) mentions: Vec<Mention>,
}

/// One promise, as SPEC.md numbers it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Clause {
    /// `P3.2`
    pub(crate) number: String,
    pub(crate) text: String,
}

/// A place in a test that names a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) clause: String,
    /// From the workspace's folder, with forward slashes.
    pub(crate) file: String,
    /// From 1.
    pub(crate) line: usize,
    /// The function behind it.
    pub(crate) test: Option<String>,
}

/// Reads SPEC.md and every test of the workspace.
pub(crate) fn read() -> Result<Clauses> {
    let spec =
        fs::read_to_string(workspace::root().join(SPEC)).with_context(|| format!("{SPEC} cannot be read"))?;
    let mut mentions = Vec::new();
    sources::each(|file, source| mentions.extend(mentions_in(file, source)))?;
    mentions.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Ok(Clauses { clauses: clauses(&spec), mentions })
}

/// The promises, `P3` and `No loss`.
pub(crate) fn promises() -> Result<Vec<(String, String)>> {
    let spec =
        fs::read_to_string(workspace::root().join(SPEC)).with_context(|| format!("{SPEC} cannot be read"))?;
    let promise = |line: &str| {
        let (number, title) = line.strip_prefix("**")?.strip_suffix(".**")?.split_once(". ")?;
        number.starts_with('P').then(|| (number.to_owned(), title.to_owned()))
    };
    Ok(spec.lines().filter_map(promise).collect())
}

/// `- **P3.2** text`, continued on indented lines.
fn clauses(spec: &str) -> Vec<Clause> {
    let mut clauses: Vec<Clause> = Vec::new();
    let mut open = false;
    for line in spec.lines() {
        if let Some((number, text)) = line.strip_prefix("- **").and_then(|rest| rest.split_once("**"))
            && is_number(number)
        {
            clauses.push(Clause { number: number.into(), text: text.trim().into() });
            open = true;
        } else if open && line.starts_with("  ") {
            let clause = clauses.last_mut().expect("a clause is open");
            clause.text.push(' ');
            clause.text.push_str(line.trim());
        } else {
            open = false;
        }
    }
    clauses
}

fn mentions_in(file: &str, source: &str) -> Vec<Mention> {
    let lines: Vec<&str> = source.lines().collect();
    let mut mentions = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(start) = line.find(MARK) else { continue };
        let test = lines[at + 1..].iter().take(8).find_map(|line| function(line));
        let words = line[start..].split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
        for clause in words.map(|word| word.trim_end_matches('.')).filter(|word| is_number(word)) {
            let (clause, file) = (clause.to_owned(), file.to_owned());
            mentions.push(Mention { clause, file, line: at + 1, test: test.clone() });
        }
    }
    mentions
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<String> {
    let rest = ["fn ", "fun ", "func ", "def "].iter().find_map(|word| line.split_once(word))?.1;
    let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// `P` and two numbers.
fn is_number(word: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    word.strip_prefix('P').and_then(|rest| rest.split_once('.')).is_some_and(|(a, b)| digits(a) && digits(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_runs_over_its_indented_lines() {
        let spec = "Tests say `// SPEC P9.9`.\n\n**P1. Never silent.**\n- **P1.1** One\n  and more.\n- **P1.2** Two.\n\nEnd.";
        let texts: Vec<_> = clauses(spec).into_iter().map(|clause| (clause.number, clause.text)).collect();
        assert_eq!(texts, [("P1.1".into(), "One and more.".into()), ("P1.2".into(), "Two.".into())]);
    }

    #[test]
    fn a_test_names_the_clauses_in_the_comment_before_it() {
        let source = "    // SPEC P6.1, P6.2.\n    #[test]\n    fn retries() {}\n# SPEC P7.1\nlet p = P1.1;";
        let found = mentions_in("a.rs", source);
        let named: Vec<_> = found.iter().map(|m| (m.clause.as_str(), m.line, m.test.as_deref())).collect();
        assert_eq!(named, [("P6.1", 1, Some("retries")), ("P6.2", 1, Some("retries")), ("P7.1", 4, None)]);
    }
}

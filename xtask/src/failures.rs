//! The relay's table of failures, its pages of the runbook, and the tests it names.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use crate::{sources, workspace};

const FOLDER: &str = "sdk/relay/failures";

/// What each page of the runbook says.
const HEADINGS: [&str; 4] =
    ["## What is seen", "## What the relay does", "## What to do", "## How to know it is over"];

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    failure: String,
    /// Its page, from the folder.
    page: String,
    tests: Vec<String>,
}

/// Whether each failure has its page and each test that is named is one. Prints where not.
pub(crate) fn check() -> Result<bool> {
    let folder = workspace::root().join(FOLDER);
    let table = folder.join("README.md");
    let table = fs::read_to_string(&table).with_context(|| format!("{} cannot be read", table.display()))?;
    let rows = rows(&table);
    let mut known = BTreeSet::new();
    sources::each(|_, source| known.extend(tests(source)))?;
    let mut wrong = Vec::new();
    let mut pages: BTreeSet<String> = BTreeSet::new();
    for entry in fs::read_dir(&folder)? {
        pages.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    pages.remove("README.md");
    for row in &rows {
        if row.tests.is_empty() {
            wrong.push(format!("no test is named for: {}", row.failure));
        }
        for test in row.tests.iter().filter(|test| !known.contains(*test)) {
            wrong.push(format!("{}: there is no test {test}", row.failure));
        }
        if !pages.remove(&row.page) {
            wrong.push(format!("{}: there is no page {}, or another failure has it", row.failure, row.page));
            continue;
        }
        let page = fs::read_to_string(folder.join(&row.page))?;
        for heading in HEADINGS.iter().filter(|heading| !page.lines().any(|line| line == **heading)) {
            wrong.push(format!("{FOLDER}/{} does not say {heading:?}", row.page));
        }
    }
    wrong.extend(pages.iter().map(|page| format!("{FOLDER}/{page} is in no line of the table")));
    if rows.is_empty() {
        wrong.push(format!("{FOLDER}/README.md has no table"));
    }
    for line in &wrong {
        println!("{line}");
    }
    println!("{} failures, {} tests", rows.len(), rows.iter().map(|row| row.tests.len()).sum::<usize>());
    Ok(wrong.is_empty())
}

/// Lines whose first cell is a link to a page; the last cell names tests in backquotes.
fn rows(table: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let (failure, page) = cells.first()?.strip_prefix('[')?.strip_suffix(')')?.split_once("](")?;
        let tests = cells.last()?.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some(Row { failure: failure.to_owned(), page: page.to_owned(), tests })
    };
    table.lines().filter_map(row).collect()
}

/// The functions that an attribute makes tests.
fn tests(source: &str) -> Vec<String> {
    let mut tests = Vec::new();
    let mut marked = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            marked |= line.contains("test]") || line.contains("::test(") || line.contains("#[test");
            continue;
        }
        if marked && let Some((_, rest)) = line.split_once("fn ") {
            tests.extend(rest.split('(').next().map(str::to_owned));
        }
        marked = false;
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_page_and_tests() {
        let table = "| failure | test |\n|---|---|\n| [disk full](disk-full.md) | seen | `one`, `two` |\n";
        let (failure, page) = ("disk full".to_owned(), "disk-full.md".to_owned());
        assert_eq!(rows(table), [Row { failure, page, tests: vec!["one".into(), "two".into()] }]);
    }

    #[test]
    fn only_what_an_attribute_marks_is_a_test() {
        let source = "#[test]\nfn a() {}\nfn b() {}\n#[tokio::test(start_paused = true)]\n#[ignore = \"x\"]\nasync fn c() {}\n#[derive(Debug)]\nfn d() {}";
        assert_eq!(tests(source), ["a", "c"]);
    }
}

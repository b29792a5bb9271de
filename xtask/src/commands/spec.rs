use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::clauses::{self, Clauses};
use crate::failures;

/// Check that every promise of SPEC.md is named by a test
///
/// Lists the clauses that no test names, and the names in tests that are no clause's; failures in the relay's table
/// without a page or a test. Each fails.
#[derive(Args)]
pub(crate) struct Spec {}

pub(crate) fn run() -> Result<ExitCode> {
    let promises = check()?;
    Ok(if failures::check()? && promises { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether clauses and tests match. Prints where they do not.
pub(crate) fn check() -> Result<bool> {
    let Clauses { clauses, mentions } = clauses::read()?;
    let unnamed: Vec<_> = clauses
        .iter()
        .filter(|clause| mentions.iter().all(|mention| mention.clause != clause.number))
        .collect();
    let unknown: Vec<_> = mentions
        .iter()
        .filter(|mention| clauses.iter().all(|clause| clause.number != mention.clause))
        .collect();
    for clause in &unnamed {
        println!("no test names {}: {}", clause.number, clause.text);
    }
    for mention in &unknown {
        println!("{}:{} names {}, which SPEC.md does not have", mention.file, mention.line, mention.clause);
    }
    println!(
        "{} clauses, {} of them named by tests, in {} places",
        clauses.len(),
        clauses.len() - unnamed.len(),
        mentions.len()
    );
    Ok(unnamed.is_empty() && unknown.is_empty())
}

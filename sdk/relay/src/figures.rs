//! What METRICS.md lists, told to the program's recorder: there from the start, so that an alert never looks at nothing.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

const TABLE: &str = include_str!("../METRICS.md");

/// Each figure with a label, the label, and its values.
const LABELLED: [(&str, &str, &[&str]); 7] = [
    (
        "glasslink_relay_refused_total",
        "cause",
        &["unauthorized", "forbidden", "superseded", "overloaded", "rate_limited"],
    ),
    (
        "glasslink_relay_gap_frames_total",
        "cause",
        &[
            "radio",
            "overflow",
            "rejected",
            "absent",
            "disk",
            "relay_lost_history",
            "not_transcribed",
            "unknown",
        ],
    ),
    ("glasslink_relay_audio_stalls_total", "given_up", &["yes", "no"]),
    ("glasslink_relay_reconciled_total", "what", &["restated", "restored", "forgotten", "revived"]),
    ("glasslink_relay_orphans_total", "kind", &["task", "session", "row", "file"]),
    (
        "glasslink_relay_engine_failures_total",
        "cause",
        &[
            "not_installed",
            "corrupted",
            "runtime",
            "failed",
            "unreachable",
            "broken",
            "timed_out",
            "refused",
            "rate_limited",
            "misconfigured",
        ],
    ),
    ("glasslink_relay_jobs_total", "outcome", &["done", "failed", "poisoned"]),
];

/// A row of the table.
struct Figure {
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    label: &'static str,
    help: &'static str,
}

fn figures() -> impl Iterator<Item = Figure> {
    TABLE.lines().filter(|line| line.starts_with("| `glasslink_")).filter_map(|row| {
        let mut cells = row.split('|').map(|cell| cell.trim().trim_matches('`'));
        let (_, name, kind, unit) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
        let (label, _, help) = (cells.next()?, cells.next()?, cells.next()?);
        Some(Figure { name, kind, unit, label, help })
    })
}

/// Describes every figure, and has each told once, as nothing.
pub(crate) fn describe() {
    for Figure { name, kind, unit, label, help } in figures() {
        let unit = if unit == "seconds" { Unit::Seconds } else { Unit::Count };
        match kind {
            "gauge" => describe_gauge!(name, unit, help),
            "histogram" => describe_histogram!(name, unit, help),
            _ => describe_counter!(name, unit, help),
        }
        match (kind, label) {
            ("gauge", "") => gauge!(name).increment(0.0),
            ("counter", "") => counter!(name).increment(0),
            _ => {}
        }
    }
    for (name, label, values) in LABELLED {
        for value in values {
            counter!(name, label => *value).increment(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The names in the first argument of `counter!`, `gauge!` and `histogram!`.
    fn told(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                told(&path, names);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("figures.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                for part in text.split("!(").skip(1) {
                    let first = part.trim_start();
                    if let Some(name) = first.strip_prefix("\"glasslink_relay_") {
                        let name = name.split('"').next().unwrap();
                        names.insert(format!("glasslink_relay_{name}"));
                    }
                }
            }
        }
    }

    #[test]
    fn the_table_lists_every_figure_of_the_source_and_no_other() {
        let mut names = BTreeSet::new();
        told(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
        assert_eq!(figures().map(|figure| figure.name.to_owned()).collect::<BTreeSet<_>>(), names);
    }

    #[test]
    fn every_label_of_the_table_has_its_values() {
        let of_table: BTreeSet<_> = figures()
            .filter(|figure| !figure.label.is_empty())
            .map(|figure| (figure.name, figure.label))
            .collect();
        assert_eq!(of_table, LABELLED.iter().map(|(name, label, _)| (*name, *label)).collect());
    }

    #[test]
    fn alerts_look_at_figures_that_there_are() {
        let alerts = include_str!("../packaging/prometheus/alerts.yml");
        let known: BTreeSet<_> = figures().map(|figure| figure.name).collect();
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let expressions = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
        let mut rules = 0;
        for expression in expressions {
            rules += 1;
            let words = expression.split(|character| !is_name(character));
            let named: Vec<_> = words.filter(|word| word.starts_with("glasslink_")).collect();
            assert!(!named.is_empty() || expression.contains("up{"), "{expression}");
            for name in named {
                let base = name.strip_suffix("_bucket").unwrap_or(name);
                assert!(known.contains(base), "{expression}: {name}");
            }
        }
        assert_eq!(rules, alerts.matches("- alert: ").count());
        assert!(rules >= 10, "{rules}");
        assert_eq!(rules, alerts.matches("runbook: ").count());
    }
}

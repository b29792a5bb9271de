use std::fs::File;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ArgMatches;
use serde_json::Value;

use crate::cli::arguments;
use crate::cli::logging::{PREFIX, SUFFIX};

/// `glasslink-relay logs --trace ID`
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let trace = matches.get_one::<String>(arguments::TRACE).map_or("", String::as_str);
    let json = matches.get_flag(arguments::JSON);
    let folder = folder(matches)?;
    let shown = folder.display();
    let files = std::fs::read_dir(&folder).with_context(|| format!("there are no logs in {shown}"))?;
    let mut files: Vec<PathBuf> =
        files.flatten().map(|file| file.path()).filter(|path| is_log(path)).collect();
    files.sort();
    let (mut found, mut out) = (0_u64, stdout().lock());
    for path in files {
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            // The last line of a relay that died may be half.
            if let Ok(entry) = serde_json::from_slice::<Value>(&line)
                && is_of(&entry, trace)
            {
                found += 1;
                let written =
                    if json { writeln!(out, "{entry}") } else { writeln!(out, "{}", readable(&entry)) };
                if written.is_err() {
                    // Whoever reads has seen enough.
                    return Ok(());
                }
            }
            line.clear();
        }
    }
    if found == 0 {
        bail!("nothing in {shown} is of the trace {trace:?}");
    }
    Ok(())
}

fn folder(matches: &ArgMatches) -> Result<PathBuf> {
    let given = |name| matches.get_one::<PathBuf>(name).cloned();
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let logs = given(arguments::LOG_DIR).or_else(|| variable("GLASSLINK_LOG_DIR"));
    let data = || given(arguments::DATA).or_else(|| variable("GLASSLINK_DATA")).map(|data| data.join("logs"));
    logs.or_else(data).context("say where the logs are: --data with the relay's data folder, or --log-dir")
}

fn is_log(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Whether a line, or a span around it, has the trace.
fn is_of(entry: &Value, trace: &str) -> bool {
    let spans = entry["spans"].as_array().into_iter().flatten();
    entry["trace"] == trace || spans.into_iter().any(|span| span["trace"] == trace)
}

/// One line for a person.
fn readable(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let mut line = format!("{} {:>5} {}", text("timestamp"), text("level"), text("message"));
    let known = ["timestamp", "level", "message", "target", "spans"];
    let fields = entry.as_object().into_iter().flatten().filter(|(name, _)| !known.contains(&name.as_str()));
    let spans = entry["spans"].as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
    for (name, value) in fields.chain(spans.filter(|(name, _)| *name != "name")) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        line.extend([" ", name.as_str(), "=", &value]);
    }
    line
}

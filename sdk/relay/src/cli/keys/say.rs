use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::ArgMatches;
use serde::Serialize;

use crate::cli::arguments::JSON;

/// Prints for programs if they asked for it, else for people.
pub(super) fn say(matches: &ArgMatches, json: &impl Serialize, people: impl FnOnce()) -> Result<()> {
    if matches.get_flag(JSON) {
        println!("{}", serde_json::to_string(json)?);
    } else {
        people();
    }
    Ok(())
}

/// The text of an argument that is required.
pub(super) fn argument<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map(String::as_str).unwrap_or_default()
}

/// How long ago, or in how long, in the coarsest unit that says something.
pub(super) fn when(ms: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX) - ms / 1_000;
    let (number, unit) = match seconds.abs() {
        0..120 => (seconds.abs(), "s"),
        120..7_200 => (seconds.abs() / 60, "min"),
        7_200..172_800 => (seconds.abs() / 3_600, "h"),
        _ => (seconds.abs() / 86_400, "days"),
    };
    if seconds >= 0 { format!("{number} {unit} ago") } else { format!("in {number} {unit}") }
}

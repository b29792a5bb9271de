//! The program around the library: what it is told, and by whom.

mod arguments;
mod config;
mod dashboard;
mod doctor;
mod engines;
mod file;
mod keys;
mod logging;
mod logs;
mod model;
mod serve;
mod settings;

use std::process::ExitCode;

/// Runs the program. What goes wrong is one sentence on standard error and exit code 2.
pub(crate) fn run() -> ExitCode {
    let arguments = arguments::command().get_matches();
    let result = match arguments.subcommand() {
        Some(("serve", serve)) => serve::run(serve).map(|()| ExitCode::SUCCESS),
        Some(("model", model)) => model::run(model).map(|()| ExitCode::SUCCESS),
        Some(("dashboard", dashboard)) => dashboard::run(dashboard).map(|()| ExitCode::SUCCESS),
        Some(("logs", logs)) => logs::run(logs).map(|()| ExitCode::SUCCESS),
        Some(("doctor", doctor)) => Ok(doctor::run(doctor)),
        Some((name, matches)) => keys::run(name, matches).unwrap_or_else(|| unreachable!("all are known")),
        None => unreachable!("a subcommand is required"),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("glasslink-relay: {error:#}");
            ExitCode::from(2)
        }
    }
}

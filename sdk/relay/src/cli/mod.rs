//! The program around the library: what it is told, and by whom.

mod arguments;
mod config;
mod file;
mod logging;
mod model;
mod serve;
mod settings;

use std::process::ExitCode;

/// Runs the program. What goes wrong is one sentence on standard error and exit code 2.
pub(crate) fn run() -> ExitCode {
    let arguments = arguments::command().get_matches();
    let result = match arguments.subcommand() {
        Some(("serve", serve)) => serve::run(serve),
        Some(("model", model)) => model::run(model),
        _ => unreachable!("a subcommand is required"),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("glasslink-relay: {error:#}");
            ExitCode::from(2)
        }
    }
}

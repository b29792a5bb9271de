//! What the library logs, handed to the platform's logger: no speech, no secrets.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

/// How much is told, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, uniffi::Enum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct LogRecord {
    pub level: LogLevel,
    /// Where in the library: `glasslink::driver`.
    pub target: String,
    /// What happened, with its figures: `attempt failed cause=dns attempt=3`.
    pub message: String,
}

/// Takes lines of the log. Called on a thread of its own, so that a slow one slows nobody; lines that come faster than it
/// takes them are counted and left out.
#[uniffi::export(foreign)]
pub trait LogSink: Send + Sync {
    fn log(&self, record: LogRecord);
}

/// Lines that wait for the sink.
const MAX_WAITING: usize = 1_024;

/// What is never told, whoever logged it: in these fields there may be speech or secrets.
const REDACTED: [&str; 9] =
    ["authorization", "code", "header", "key", "password", "secret", "text", "token", "url"];

static SINK: OnceLock<()> = OnceLock::new();

/// Hands lines of `level` and graver to `sink`, from now on and until the program ends. The first call counts; says
/// whether this was it. Other people's parts of the library are heard from `Warn` on only. Panics are lines too.
#[uniffi::export]
pub fn set_log_sink(level: LogLevel, sink: Arc<dyn LogSink>) -> bool {
    SINK.set(()).is_ok() && install(level, sink)
}

fn install(level: LogLevel, sink: Arc<dyn LogSink>) -> bool {
    let (lines, waiting) = sync_channel(MAX_WAITING);
    let missed = Arc::new(AtomicU64::new(0));
    let logger = Logger { level, lines, missed: Arc::clone(&missed), spans: AtomicU64::new(1) };
    let started = thread::Builder::new()
        .name("glasslink-log".into())
        .spawn(move || hand_over(&waiting, &missed, &*sink))
        .is_ok();
    if started && tracing::subscriber::set_global_default(logger).is_ok() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string);
            tracing::error!(target: "glasslink::panic", place, "a bug: the library panicked");
            before(panic);
        }));
        return true;
    }
    false
}

fn hand_over(waiting: &Receiver<LogRecord>, missed: &AtomicU64, sink: &dyn LogSink) {
    while let Ok(record) = waiting.recv() {
        sink.log(record);
        let missed = missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            let message = format!("{missed} lines came faster than they were taken");
            sink.log(LogRecord { level: LogLevel::Warn, target: "glasslink::log".into(), message });
        }
    }
}

struct Logger {
    level: LogLevel,
    lines: SyncSender<LogRecord>,
    missed: Arc<AtomicU64>,
    spans: AtomicU64,
}

impl Subscriber for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_ours = metadata.target().starts_with("glasslink");
        let most = if is_ours { self.level } else { self.level.min(LogLevel::Warn) };
        metadata.is_event() && LogLevel::from(*metadata.level()) <= most
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed).max(1))
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let record = LogRecord {
            level: (*metadata.level()).into(),
            target: metadata.target().to_owned(),
            message: line.words + &line.fields,
        };
        if let Err(TrySendError::Full(_)) = self.lines.try_send(record) {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Line {
    words: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A string takes whatever is written.
        let _ = if field.name() == "message" {
            write!(self.words, "{value:?}")
        } else if REDACTED.contains(&field.name()) {
            write!(self.fields, " {}=[redacted]", field.name())
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warn,
            Level::INFO => Self::Info,
            Level::DEBUG => Self::Debug,
            Level::TRACE => Self::Trace,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use super::*;

    struct Lines(Mutex<Sender<LogRecord>>);

    impl LogSink for Lines {
        fn log(&self, record: LogRecord) {
            let _ = self.0.lock().unwrap().send(record);
        }
    }

    // SPEC P15.2
    #[test]
    fn lines_reach_the_sink_and_what_may_be_a_secret_does_not() {
        let (sender, lines) = channel();
        assert!(install(LogLevel::Debug, Arc::new(Lines(Mutex::new(sender)))));
        tracing::debug!(target: "glasslink::test", attempt = 3, token = "s3cret", text = "hello", "tried");
        tracing::trace!(target: "glasslink::test", "too much");
        tracing::info!(target: "tungstenite", "s3cret of somebody else");
        tracing::warn!(target: "glasslink::test", "last");
        let next = || lines.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(
            next(),
            LogRecord {
                level: LogLevel::Debug,
                target: "glasslink::test".into(),
                message: "tried attempt=3 token=[redacted] text=[redacted]".into(),
            }
        );
        assert_eq!(next().message, "last");
    }
}

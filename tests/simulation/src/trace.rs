use std::fmt;

use glasslink_session::Timestamp;

/// What happened, a line each, in order.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: String,
}

impl Trace {
    pub(crate) fn note(&mut self, now: Timestamp, what: fmt::Arguments<'_>) {
        use fmt::Write;
        let at = now.since_origin();
        // Writing to a string cannot fail.
        let _ = writeln!(self.lines, "{:>10}.{:06} {what}", at.as_secs(), at.subsec_micros());
    }

    pub(crate) fn into_lines(self) -> String {
        self.lines
    }
}

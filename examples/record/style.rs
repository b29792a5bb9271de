//! What is printed, in colour where that is wanted.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const GAP: Style = AnsiColor::Yellow.on_default();

/// Where a person reads: standard output, or standard error when a program reads that.
pub(crate) struct Out {
    sink: Box<dyn Write + Send>,
    /// A terminal, whose lines can be drawn over.
    pub(crate) live: bool,
    colour: bool,
}

impl Out {
    pub(crate) fn new(output_is_taken: bool) -> Self {
        let terminal =
            if output_is_taken { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        let sink: Box<dyn Write + Send> =
            if output_is_taken { Box::new(std::io::stderr()) } else { Box::new(std::io::stdout()) };
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { sink, live: terminal && !dumb, colour: terminal && !dumb && !set("NO_COLOR") }
    }

    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.colour && style != PLAIN { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    pub(crate) fn line(&mut self, style: Style, text: &str) {
        let painted = self.paint(style, text);
        self.raw(&format!("{painted}\n"));
    }

    pub(crate) fn raw(&mut self, text: &str) {
        // Nobody reads any more: the work goes on, its result is the exit code.
        let _ = self.sink.write_all(text.as_bytes());
        let _ = self.sink.flush();
    }
}

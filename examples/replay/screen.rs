use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use glasslink::{
    Event, FinishError, Gap, LinkState, LinkStats, RelayAddress, StreamFormat, StreamId, TranscriptEvent,
};

/// What a person sees: lines that stay, and on a terminal two below them that are drawn over.
pub(crate) struct Screen {
    out: Box<dyn Write + Send>,
    live: bool,
    colour: bool,
    width: usize,
    drawn: usize,
    partial: String,
    tracks: BTreeMap<StreamId, Track>,
    playing: Option<StreamId>,
    state: LinkState,
    stats: LinkStats,
    lost_at: Option<Instant>,
}

#[derive(Clone)]
struct Track {
    name: String,
    duration: Option<Duration>,
    format: StreamFormat,
    /// Where in the file the stream begins.
    from: Duration,
    captured_before: u64,
}

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const GAP: Style = AnsiColor::Yellow.on_default();

impl Screen {
    pub(crate) fn new(output_is_taken: bool) -> Self {
        let terminal =
            if output_is_taken { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        let out: Box<dyn Write + Send> =
            if output_is_taken { Box::new(std::io::stderr()) } else { Box::new(std::io::stdout()) };
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            out,
            live: terminal && !dumb,
            colour: terminal && !dumb && !set("NO_COLOR"),
            width: terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)),
            drawn: 0,
            partial: String::new(),
            tracks: BTreeMap::new(),
            playing: None,
            state: LinkState::Idle,
            stats: LinkStats::default(),
            lost_at: None,
        }
    }

    pub(crate) fn connecting(&mut self, address: &RelayAddress) {
        self.line(DIM, &format!("connecting to {address}"));
    }

    pub(crate) fn began(
        &mut self,
        stream: StreamId,
        name: &str,
        duration: Option<Duration>,
        format: StreamFormat,
    ) {
        self.line(BOLD, name);
        let captured_before = self.stats.captured;
        let (name, from) = (name.to_owned(), Duration::ZERO);
        self.tracks.insert(stream, Track { name, duration, format, from, captured_before });
        self.playing = Some(stream);
    }

    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::State(state) => self.state(*state),
            Event::Partial(partial) => {
                self.partial.clone_from(&partial.text);
                self.draw("");
            }
            Event::Transcript { event: TranscriptEvent::Final(said), .. } => {
                self.partial.clear();
                let time = self.time(said.stream, said.from);
                let style = self.paint(DIM, &time);
                self.draw(&format!("{style}  {}\n", said.text));
            }
            Event::Transcript { event: TranscriptEvent::Gap(gap), .. } => self.gap(gap),
            Event::Continued { stream, at, by } => {
                if let Some(track) = self.tracks.get(stream).cloned() {
                    let from = track.from + track.format.stream_time(*at);
                    self.tracks.insert(*by, Track { from, ..track });
                    self.line(
                        DIM,
                        &format!("{}  captions go on; what came before is filled in", clock(from)),
                    );
                }
            }
            Event::Engine { message, remedy, .. } if !remedy.is_empty() => {
                self.line(GAP, &format!("{message}. {remedy}"));
            }
            Event::RelayError(report) => self.line(BAD, &format!("{}. {}", report.message, report.remedy)),
            _ => {}
        }
    }

    pub(crate) fn figures(&mut self, stats: &LinkStats) {
        self.stats = *stats;
        self.draw("");
    }

    /// Takes away what is drawn over, until something happens again.
    pub(crate) fn pause(&mut self) {
        self.partial.clear();
        let live = std::mem::take(&mut self.live);
        self.draw("");
        self.live = live;
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.line(DIM, text);
        self.pause();
    }

    pub(crate) fn fault(&mut self, text: &str) {
        self.line(BAD, text);
        self.pause();
    }

    pub(crate) fn ledger(
        &mut self,
        stats: &LinkStats,
        finished: &Result<(), FinishError>,
        faults: &[String],
    ) {
        let mut text = String::from("\n");
        for (name, frames) in [
            ("captured", stats.captured),
            ("acknowledged", stats.acknowledged),
            ("buffered", stats.buffered),
            ("lost", stats.lost),
        ] {
            let _ = writeln!(text, "{name:<13}{frames:>9} frames");
        }
        let _ = writeln!(text, "{:<13}{:>9}", "reconnects", stats.reconnects);
        self.draw(&text);
        if let Err(error @ FinishError::NoEngine(_)) = finished {
            self.line(GAP, &error.to_string());
        }
        for fault in faults {
            self.line(BAD, fault);
        }
        if faults.is_empty() {
            let lost = if stats.lost == 0 { "nothing lost" } else { "what was lost is told" };
            self.line(GOOD, &format!("the ledger balances, {lost}"));
        }
        self.pause();
    }

    fn state(&mut self, state: LinkState) {
        self.state = state;
        match state {
            LinkState::Waiting { cause, .. } if self.lost_at.is_none() => {
                self.lost_at = Some(Instant::now());
                self.line(BAD, &format!("link lost: {cause}; audio is kept until it is back"));
            }
            LinkState::Live => match self.lost_at.take() {
                Some(at) => {
                    let words = format!("link back after {:.1} s", at.elapsed().as_secs_f64());
                    self.line(GOOD, &words);
                }
                None => self.line(GOOD, "link live"),
            },
            LinkState::Refused { cause, remedy } => self.line(BAD, &format!("{cause}. {remedy}")),
            _ => {}
        }
        self.draw("");
    }

    fn gap(&mut self, gap: &Gap) {
        let time = self.time(gap.stream, gap.from);
        let seconds = gap.ms as f64 / 1_000.0;
        self.line(GAP, &format!("{time}  [gap of {seconds:.1} s: {}]", gap.cause.words()));
    }

    fn time(&self, stream: StreamId, index: glasslink::FrameIndex) -> String {
        let Some(track) = self.tracks.get(&stream) else { return String::new() };
        clock(track.from + track.format.stream_time(index))
    }

    fn line(&mut self, style: Style, text: &str) {
        let painted = self.paint(style, text);
        self.draw(&format!("{painted}\n"));
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Writes `lines` above what is drawn over, and draws that again.
    fn draw(&mut self, lines: &str) {
        let mut frame = String::new();
        if self.drawn > 0 {
            frame.push_str("\r\x1b[2K");
            for _ in 1..self.drawn {
                frame.push_str("\x1b[1A\x1b[2K");
            }
        }
        frame.push_str(lines);
        self.drawn = 0;
        if self.live {
            if !self.partial.is_empty() {
                let partial = end_of(&self.partial, self.width.saturating_sub(10));
                let _ = writeln!(frame, "         {}", self.paint(DIM, &partial));
                self.drawn += 1;
            }
            let status = start_of(&self.status(), self.width.saturating_sub(1));
            let style = if self.state.is_live() { GOOD } else { BAD };
            frame.push_str(&self.paint(style, &status));
            self.drawn += 1;
        }
        // Nobody reads any more: the run goes on, its result is the exit code.
        let _ = self.out.write_all(frame.as_bytes());
        let _ = self.out.flush();
    }

    fn status(&self) -> String {
        let mut status = match self.state {
            LinkState::Waiting { attempt, retry_in, .. } => {
                format!("waiting {:.1} s for attempt {attempt}", retry_in.as_secs_f64())
            }
            state => state.name().to_owned(),
        };
        if let Some(track) = self.playing.and_then(|stream| self.tracks.get(&stream)) {
            let captured = self.stats.captured.saturating_sub(track.captured_before);
            let _ = write!(status, "  {} {}", track.name, clock(track.format.duration(captured)));
            if let Some(duration) = track.duration {
                let _ = write!(status, " / {}", clock(duration));
            }
        }
        let _ = write!(status, "  buffered {:.1} s", self.stats.buffered_time.as_secs_f64());
        if let Some(rtt) = self.stats.rtt {
            let _ = write!(status, "  rtt {} ms", rtt.as_millis());
        }
        let _ = write!(status, "  reconnects {}  lost {}", self.stats.reconnects, self.stats.lost);
        status
    }
}

/// `1:02.3`
fn clock(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    format!("{:>3}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

fn start_of(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

/// The end of a sentence that is still being spoken is what is new.
fn end_of(text: &str, width: usize) -> String {
    let length = text.chars().count();
    text.chars().skip(length.saturating_sub(width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_on_a_clock() {
        assert_eq!(clock(Duration::from_millis(62_345)), "  1:02.3");
        assert_eq!(clock(Duration::ZERO), "  0:00.0");
    }

    #[test]
    fn what_is_drawn_over_keeps_to_one_line() {
        assert_eq!(start_of("größer", 3), "grö");
        assert_eq!(end_of("größer", 3), "ßer");
    }
}

use std::time::Duration;

use anstyle::Style;
use glasslink::audio::journal::JournalState;
use glasslink::{Event, Gap, LinkState, StreamFormat, StreamId, TranscriptEvent};

use crate::style::{BAD, DIM, GAP, GOOD, Out, PLAIN};
use crate::time::clock;

/// What a person sees while it records: captions that stay, and on a terminal one line that is drawn over. The recording
/// and the link are two things and are shown as two.
pub(crate) struct Captions {
    out: Out,
    width: usize,
    format: StreamFormat,
    /// Where streams that continue others begin.
    starts: Vec<(StreamId, Duration)>,
    partial: String,
    link: Option<LinkState>,
    /// That there are no captions.
    told: bool,
    disk: JournalState,
    time: Duration,
    peak_dbfs: f32,
    drawn: bool,
    /// It does not record any more.
    ended: bool,
}

impl Captions {
    pub(crate) fn new(output_is_taken: bool, format: StreamFormat) -> Self {
        Self {
            out: Out::new(output_is_taken),
            width: terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)),
            format,
            starts: Vec::new(),
            partial: String::new(),
            link: None,
            told: false,
            disk: JournalState::Writing,
            time: Duration::ZERO,
            peak_dbfs: f32::NEG_INFINITY,
            drawn: false,
            ended: false,
        }
    }

    pub(crate) fn line(&mut self, style: Style, text: &str) {
        self.erase();
        self.out.line(style, text);
        self.draw();
    }

    pub(crate) fn heard(&mut self, frames: u64, peak_dbfs: f32) {
        (self.time, self.peak_dbfs) = (Duration::from_millis(frames * 10), peak_dbfs);
        self.erase();
        self.draw();
    }

    /// It does not record any more: the rest is the transcript's.
    pub(crate) fn ended(&mut self) {
        self.ended = true;
    }

    /// Takes away what is drawn over, for good.
    pub(crate) fn leave(&mut self) {
        self.erase();
        self.out.live = false;
    }

    pub(crate) fn disk(&mut self, state: &JournalState) {
        if self.disk == *state {
            return;
        }
        match state {
            JournalState::Failing { cause, message } => {
                self.line(BAD, &format!("the disk does not take it ({message}): {}", cause.remedy()));
            }
            JournalState::Writing => self.line(GOOD, "the disk takes it again"),
        }
        self.disk = state.clone();
    }

    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::State(state) => self.link(*state),
            Event::Partial(partial) => {
                self.partial.clone_from(&partial.text);
                self.erase();
                self.draw();
            }
            Event::Transcript { event: TranscriptEvent::Final(said), .. } => {
                self.partial.clear();
                let time = self.at(said.stream, said.from);
                let time = self.out.paint(DIM, &format!("{:>9}", clock(time)));
                self.line(PLAIN, &format!("{time}  {}", said.text));
            }
            Event::Transcript { event: TranscriptEvent::Gap(gap), .. } => self.gap(gap),
            Event::Continued { stream, at, by } => {
                let start = self.at(*stream, *at);
                self.starts.push((*by, start));
                self.line(DIM, "captions go on; what came before is filled in");
            }
            Event::Engine { message, remedy, .. } if !remedy.is_empty() => {
                self.line(GAP, &format!("{message}. {remedy}"));
            }
            Event::RelayError(report) => self.line(BAD, &format!("{}. {}", report.message, report.remedy)),
            _ => {}
        }
    }

    fn link(&mut self, state: LinkState) {
        self.link = Some(state);
        match state {
            LinkState::Waiting { cause, .. } if !self.told => {
                self.told = true;
                self.line(BAD, &format!("recording; no captions until the relay is back: {cause}"));
            }
            LinkState::Live if std::mem::take(&mut self.told) => self.line(GOOD, "captions are back"),
            LinkState::Refused { cause, remedy } => {
                self.line(BAD, &format!("recording, without captions: {cause}. {remedy}"));
            }
            _ => {
                self.erase();
                self.draw();
            }
        }
    }

    fn gap(&mut self, gap: &Gap) {
        let time = self.at(gap.stream, gap.from);
        let seconds = gap.ms as f64 / 1_000.0;
        self.line(GAP, &format!("{:>9}  [gap of {seconds:.1} s: {}]", clock(time), gap.cause.words()));
    }

    fn at(&self, stream: StreamId, index: glasslink::FrameIndex) -> Duration {
        let start = self.starts.iter().find(|(known, _)| *known == stream);
        start.map_or(Duration::ZERO, |(_, start)| *start) + self.format.stream_time(index)
    }

    fn erase(&mut self) {
        if std::mem::take(&mut self.drawn) {
            self.out.raw("\r\x1b[2K");
        }
    }

    fn draw(&mut self) {
        if !self.out.live {
            return;
        }
        let state = if self.ended { "finishing" } else { "● recording" };
        let link = match self.link {
            None => "no captions".to_owned(),
            Some(LinkState::Live) => "captions live".to_owned(),
            Some(LinkState::Waiting { retry_in, .. }) => {
                format!("captions in {:.0} s at the earliest", retry_in.as_secs_f64().ceil())
            }
            Some(state) => format!("captions: {}", state.name()),
        };
        let meter = meter(self.peak_dbfs);
        let status = format!("{state} {} {meter} {link}  ", clock(self.time));
        let room = self.width.saturating_sub(status.chars().count() + 1);
        let length = self.partial.chars().count();
        let partial: String = self.partial.chars().skip(length.saturating_sub(room)).collect();
        let style = if matches!(self.disk, JournalState::Writing) { GOOD } else { BAD };
        let shown: String = status.chars().take(self.width.saturating_sub(1)).collect();
        let text = self.out.paint(style, &shown) + &self.out.paint(DIM, &partial);
        self.out.raw(&text);
        self.drawn = true;
    }
}

/// Ten steps of 5 dB.
fn meter(peak_dbfs: f32) -> String {
    let steps = ((peak_dbfs + 50.0) / 5.0).clamp(0.0, 10.0) as usize;
    let sign = if peak_dbfs > -1.0 { '!' } else { ' ' };
    format!("[{}{}]{sign}", "=".repeat(steps), " ".repeat(10 - steps))
}

#[cfg(test)]
mod tests {
    use super::meter;

    #[test]
    fn the_meter_shows_silence_speech_and_too_much() {
        assert_eq!(meter(f32::NEG_INFINITY), "[          ] ");
        assert_eq!(meter(-25.0), "[=====     ] ");
        assert_eq!(meter(0.0), "[==========]!");
    }
}

use glasslink_protocol::{FrameIndex, GapCause, StreamId};
use glasslink_session::{StreamOptions, Timestamp};

use crate::fault::below;
use crate::journal::Record;
use crate::world::{FRAME, World, format, frame};

pub(crate) struct Source {
    pub(crate) stream: StreamId,
    pub(crate) next: FrameIndex,
    pub(crate) due: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) ended: bool,
}

/// What is captured, when.
impl World {
    pub(crate) fn open_source(&mut self, end: Timestamp) -> Result<(), String> {
        let opened = self.client.open_stream(self.now, format()?, StreamOptions::default());
        let stream = opened.map_err(|error| error.to_string())?;
        self.write(Record::Open(stream, None));
        self.sources.push(Source { stream, next: FrameIndex(0), due: self.now, end, ended: false });
        self.drain()
    }

    pub(crate) fn capture(&mut self) -> Result<(), String> {
        let radio_lossy = self.now < self.radio_loss_until;
        let mut at = 0;
        while at < self.sources.len() {
            loop {
                let source = &mut self.sources[at];
                if source.ended || source.due > self.now {
                    break;
                }
                let stream = source.stream;
                if source.due >= source.end {
                    source.ended = true;
                    self.client.end_stream(self.now, stream);
                    break;
                }
                if let Some(by) = self.client.continuation(stream) {
                    self.go_on(at, by);
                    break;
                }
                let asleep = self.suspended_until.since(source.due);
                let missed = (asleep.as_millis() / FRAME.as_millis()) as u64;
                let from = source.next;
                let pushed = if missed > 0 {
                    source.next += missed;
                    source.due = source.due + FRAME * missed as u32;
                    self.write(Record::Gap(stream, missed, GapCause::Absent));
                    self.client.skip(self.now, stream, missed, GapCause::Absent)
                } else {
                    source.next += 1;
                    source.due = source.due + FRAME;
                    self.ledger.captured(stream, from, 1);
                    if radio_lossy && below(&mut self.random, 10) == 0 {
                        self.write(Record::Gap(stream, 1, GapCause::Radio));
                        self.client.skip(self.now, stream, 1, GapCause::Radio)
                    } else {
                        self.write(Record::Frame(stream));
                        let pushed = self.client.push(self.now, stream, &frame(stream, from)).map(|_| ());
                        if self.journal.is_some() {
                            self.client.journaled(stream, from + 1);
                        }
                        pushed
                    }
                };
                pushed.map_err(|error| error.to_string())?;
            }
            at += 1;
        }
        self.drain()
    }

    /// What the source at place `at` captures from here on is stream `by`.
    fn go_on(&mut self, at: usize, by: StreamId) {
        let source = &mut self.sources[at];
        source.ended = true;
        let (earlier, due, end) = (source.stream, source.due, source.end);
        self.sources.push(Source { stream: by, next: FrameIndex(0), due, end, ended: false });
        self.write(Record::Open(by, Some(earlier)));
    }
}

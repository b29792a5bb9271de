use std::time::Duration;

use glasslink_protocol::{ClientMessage, StreamId};

use crate::Timestamp;
use crate::client::session::Phase;
use crate::client::stream::SendStream;
use crate::client::{Action, ClientSession, Event, WhenFull};
use crate::defaults::{AUDIO_STALL, MAX_REARMS, REARM_INTERVAL};

/// A client that was starved or suspended may have frames waiting, so that it looks twice, this far apart.
const SECOND_LOOK: Duration = Duration::from_millis(250);

/// Whether a source's frames come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watch {
    /// When the source last gave something; `None`: it has not begun, or is paused.
    last: Option<Timestamp>,
    /// When it was last found silent, and is looked at again.
    second_look: Option<Timestamp>,
    /// How often it was re-armed since it last gave something, and when last.
    rearms: u32,
    rearmed_at: Timestamp,
    /// The person was told.
    given_up: bool,
}

/// How sources stopped, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioCounts {
    /// Sources that gave no frame for [`AUDIO_STALL`].
    pub stalls: u64,
    /// Times one was to be re-armed.
    pub rearms: u64,
    /// Stalls after which frames came again.
    pub recoveries: u64,
    /// Stalls that outlasted every attempt.
    pub given_up: u64,
}

impl Watch {
    /// When the source is to be looked at, over a link that is live since `live_since`.
    fn due(&self, live_since: Timestamp) -> Option<Timestamp> {
        let last = self.last.filter(|_| !self.given_up)?;
        let silent = last.max(live_since) + AUDIO_STALL.saturating_sub(SECOND_LOOK);
        let wanted = if self.rearms == 0 { silent } else { silent.max(self.rearmed_at + REARM_INTERVAL) };
        Some(self.second_look.map_or(wanted, |look| look.max(wanted + SECOND_LOOK)))
    }
}

impl ClientSession {
    /// The source of `stream` stands still on purpose, until its next frame.
    pub fn pause_stream(&mut self, stream: StreamId) {
        if let Some(sender) = self.streams.get_mut(&stream) {
            sender.watch = Watch::default();
        }
    }

    /// The source gave something.
    pub(crate) fn source_gave(&mut self, now: Timestamp, stream: StreamId) {
        let Some(sender) = self.streams.get_mut(&stream) else { return };
        let before = std::mem::replace(&mut sender.watch, Watch { last: Some(now), ..Watch::default() });
        if before.rearms > 0 {
            self.audio.recoveries += 1;
            self.act(Action::Event(Event::AudioRecovered { stream, rearms: before.rearms }));
        }
    }

    /// When the next source is to be looked at.
    pub(crate) fn next_look(&self) -> Option<Timestamp> {
        self.looks().map(|(_, due)| due).min()
    }

    /// Looks at the sources. While one is re-armed it is left alone.
    pub(crate) fn look_at_sources(&mut self, now: Timestamp) {
        let Phase::Live { connection } = self.phase else { return };
        let due: Vec<_> = self.looks().filter(|(_, due)| now >= *due).collect();
        for (id, due) in due {
            let Some(sender) = self.streams.get_mut(&id) else { continue };
            let watch = &mut sender.watch;
            if watch.second_look.take().is_none() || now.since(due) > SECOND_LOOK {
                watch.second_look = Some(now + SECOND_LOOK);
                continue;
            }
            if watch.rearms == 0 {
                self.audio.stalls += 1;
            }
            watch.given_up = watch.rearms == MAX_REARMS;
            let event = if watch.given_up {
                self.audio.given_up += 1;
                Event::AudioLost { stream: id }
            } else {
                watch.rearms += 1;
                watch.rearmed_at = now;
                self.audio.rearms += 1;
                Event::AudioStalled { stream: id, rearm: watch.rearms }
            };
            let (rearms, given_up) = (watch.rearms, watch.given_up);
            self.act(Action::Event(event));
            self.send(connection, &ClientMessage::AudioStalled { stream: id, rearms, given_up });
        }
    }

    /// The sources that have to give frames, and when each is to be looked at.
    fn looks(&self) -> impl Iterator<Item = (StreamId, Timestamp)> {
        let live =
            |stream: &&SendStream| stream.end.is_none() && stream.options.when_full == WhenFull::DropOldest;
        let due = |stream: &SendStream| Some((stream.id, stream.watch.due(self.live_since)?));
        self.streams.values().filter(live).filter_map(due)
    }
}

use std::collections::VecDeque;

use glasslink_protocol::{EventNumber, RelayMessage, TranscriptEvent};

/// The numbered transcript events a session can still replay, bounded in number and bytes.
#[derive(Debug)]
pub(crate) struct History {
    /// Encoded as they are sent, the oldest first; consecutive.
    events: VecDeque<String>,
    bytes: usize,
    next: EventNumber,
    max_events: usize,
    max_bytes: usize,
}

impl History {
    pub(crate) fn new(max_events: usize, max_bytes: usize) -> Self {
        Self { events: VecDeque::new(), bytes: 0, next: EventNumber(1), max_events, max_bytes }
    }

    /// Puts back what was numbered before a restart, `first` being the number of the first of `events`.
    pub(crate) fn restore(&mut self, first: EventNumber, events: Vec<TranscriptEvent>) {
        self.next = first;
        for event in events {
            self.append(event);
        }
    }

    /// The client has seen the events up to `number`, whatever became of ours: no other one gets such a number.
    pub(crate) fn pass(&mut self, number: EventNumber) {
        // Numbers on the wire are below 2^53.
        if number >= self.next && number.0 < 1 << 53 {
            self.next = number.next();
            self.events.clear();
            self.bytes = 0;
        }
    }

    /// Numbers the event. Returns it as it is sent.
    pub(crate) fn append(&mut self, event: TranscriptEvent) -> (EventNumber, String) {
        let number = self.next;
        self.next = number.next();
        let text = RelayMessage::Transcript { number, event }.encode();
        self.bytes += text.len();
        self.events.push_back(text.clone());
        while self.events.len() > self.max_events || self.bytes > self.max_bytes {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.len();
        }
        (number, text)
    }

    /// The number the next event gets.
    pub(crate) fn next(&self) -> EventNumber {
        self.next
    }

    /// The events after `number` that are still there, and the number of the first of them.
    pub(crate) fn after(&self, number: EventNumber) -> (EventNumber, impl Iterator<Item = &str>) {
        let first = self.next.0 - self.events.len() as u64;
        let from = first.max(number.0.saturating_add(1)).min(self.next.0);
        let events = self.events.range((from - first) as usize..).map(String::as_str);
        (EventNumber(from), events)
    }
}

#[cfg(test)]
mod tests {
    use glasslink_protocol::{FrameIndex, Gap, GapCause, StreamFormat, StreamId};

    use super::*;

    fn event() -> TranscriptEvent {
        let format = StreamFormat::lc3(16_000, 20).unwrap();
        TranscriptEvent::Gap(Gap::new(StreamId(1), FrameIndex(0), FrameIndex(5), GapCause::Radio, &format))
    }

    #[test]
    fn replay_starts_behind_what_the_client_has() {
        let mut history = History::new(10, 1 << 20);
        for _ in 0..4 {
            history.append(event());
        }
        let (from, events) = history.after(EventNumber(2));
        assert_eq!((from, events.count()), (EventNumber(3), 2));
        let (from, events) = history.after(EventNumber(900));
        assert_eq!((from, events.count()), (EventNumber(5), 0));
    }

    #[test]
    fn the_oldest_events_make_room_and_the_replay_says_where_it_starts() {
        let mut history = History::new(3, 1 << 20);
        for _ in 0..10 {
            history.append(event());
        }
        let (from, events) = history.after(EventNumber(0));
        assert_eq!((from, events.count()), (EventNumber(8), 3));
    }
}

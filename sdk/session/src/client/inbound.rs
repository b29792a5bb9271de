use std::time::Duration;

use glasslink_protocol::{
    Cause, ClientMessage, Epoch, EventNumber, FrameIndex, GapCause, MessageError, RelayMessage,
    ResumedStream, StreamId, TranscriptEvent,
};

use crate::Timestamp;
use crate::client::outbound::Pace;
use crate::client::session::Phase;
use crate::client::{Action, ClientSession, ConnectionId, Event};
use crate::defaults::MAX_REJECTIONS;

impl ClientSession {
    /// A text message came over `connection`. What cannot be understood ends the connection.
    pub fn text(&mut self, now: Timestamp, connection: ConnectionId, text: &str) -> Result<(), MessageError> {
        if self.connection() != Some(connection) {
            return Ok(());
        }
        match RelayMessage::decode(text) {
            Ok(message) => {
                self.message(now, connection, message);
                Ok(())
            }
            Err(error) => {
                self.fail(now, Cause::ProtocolError);
                Err(error)
            }
        }
    }

    /// Something came over `connection` that carries no message: it still proves life.
    pub fn traffic(&mut self, now: Timestamp, connection: ConnectionId) {
        if self.phase == (Phase::Live { connection }) {
            let in_flight = self.in_flight();
            self.liveness.traffic(now, in_flight);
        }
    }

    fn message(&mut self, now: Timestamp, connection: ConnectionId, message: RelayMessage) {
        match (self.phase, message) {
            (
                Phase::Resuming { opened_at, .. },
                RelayMessage::Welcome { epoch, streams, events_from, session, .. },
            ) => {
                if session == self.session {
                    self.liveness.restart(now, now.since(opened_at));
                    self.welcome(now, connection, epoch, events_from, &streams);
                } else {
                    self.fail(now, Cause::ProtocolError);
                }
            }
            (Phase::Resuming { .. } | Phase::Live { .. }, RelayMessage::Error(report)) => {
                self.act(Action::Event(Event::RelayError(report)));
            }
            (
                Phase::Resuming { .. } | Phase::Live { .. },
                RelayMessage::Restarting { reconnect_in_ms, spread_ms },
            ) => {
                let (pause, spread) =
                    (Duration::from_millis(reconnect_in_ms), Duration::from_millis(spread_ms));
                self.stay_away(now, pause, spread);
            }
            (Phase::Live { .. }, message) => self.live_message(now, connection, message),
            _ => {}
        }
    }

    fn live_message(&mut self, now: Timestamp, connection: ConnectionId, message: RelayMessage) {
        match message {
            RelayMessage::Received { stream, next, limit } => self.received(now, stream, next, limit),
            RelayMessage::Kept { stream, next } => {
                self.kept(stream, next);
                self.settle(stream);
            }
            RelayMessage::Rejected { stream, first, to, error } => {
                self.act(Action::Event(Event::RelayError(error)));
                self.rejected(stream, first, to);
            }
            RelayMessage::Transcript { number, event } => self.transcript(number, event),
            RelayMessage::Partial(partial) => self.act(Action::Event(Event::Partial(partial))),
            RelayMessage::Transcribed { stream, to } => {
                if let Some(sender) = self.streams.get_mut(&stream) {
                    sender.transcribed = sender.transcribed.max(to);
                    sender.heard = sender.heard.max(to);
                }
                self.act(Action::Event(Event::Transcribed { stream, to }));
                self.settle(stream);
            }
            RelayMessage::Ended { stream } => {
                if let Some(sender) = self.streams.get_mut(&stream) {
                    sender.ended = sender.end_announced;
                }
                self.settle(stream);
            }
            RelayMessage::Status { engine, message, remedy, speech_to } => {
                self.act(Action::Event(Event::Engine { state: engine, message, remedy, speech_to }));
            }
            RelayMessage::Ping { id } => self.send(connection, &ClientMessage::Pong { id }),
            RelayMessage::Pong { id } => {
                self.moved = true;
                let in_flight = self.in_flight();
                self.liveness.pong(now, id, in_flight);
            }
            RelayMessage::Display(display) => self.act(Action::Event(Event::Display(display))),
            RelayMessage::App(status) => self.app(status),
            RelayMessage::SendPcm { stream } => self.act(Action::Event(Event::SendPcm { stream })),
            RelayMessage::Welcome { .. }
            | RelayMessage::Error(_)
            | RelayMessage::Restarting { .. }
            | RelayMessage::Unknown => {}
        }
        self.pump(now);
        let in_flight = self.in_flight();
        self.liveness.traffic(now, in_flight);
    }

    fn welcome(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        epoch: Epoch,
        events_from: EventNumber,
        streams: &[ResumedStream],
    ) {
        if self.epoch != Some(epoch) {
            self.epoch = Some(epoch);
            self.last_event = EventNumber(0);
            self.act(Action::Event(Event::Epoch(epoch)));
        }
        if events_from > self.last_event.next() {
            let from = self.last_event.next();
            self.act(Action::Event(Event::HistoryTruncated { epoch, from, to: events_from }));
            self.last_event = EventNumber(events_from.0 - 1);
        }
        for stream in self.streams.values_mut() {
            stream.announced = false;
            stream.end_announced = false;
            stream.ended = false;
            stream.fetching = None;
            stream.clocks_sent = 0;
            stream.limit = None;
        }
        for resumed in streams {
            self.resume(now, resumed);
        }
        self.go_live(now, connection);
        self.tell_wearing(connection);
        self.judge_backlogs();
        for resumed in streams {
            self.settle(resumed.stream);
        }
        self.sums_changed = !self.streams.is_empty();
        self.pump(now);
    }

    fn resume(&mut self, now: Timestamp, resumed: &ResumedStream) {
        let pace = self.config.catch_up_rate.map(|rate| Pace::full(now, rate, self.config.message_interval));
        let Some(stream) = self.streams.get_mut(&resumed.stream) else { return };
        stream.announced = true;
        // What the relay does not have now it never will by itself: nothing is in doubt any more.
        let received = resumed.received.clamp(stream.buffer.base(), stream.buffer.next());
        stream.received = received;
        stream.cursor = received;
        stream.sent = received;
        stream.limit = resumed.limit;
        stream.ended = resumed.ended && stream.end.is_some();
        stream.end_announced = stream.ended;
        // Its finals may be among the events that follow, or be lost with this connection.
        stream.transcribed = stream.transcribed.max(resumed.transcribed.min(stream.heard));
        stream.pace = pace.unwrap_or_default();
        stream.waiting_since = stream.waiting_since.or((received < stream.buffer.next()).then_some(now));
        self.kept(resumed.stream, resumed.kept);
    }

    fn received(&mut self, now: Timestamp, id: StreamId, next: FrameIndex, limit: Option<FrameIndex>) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let next = next.min(stream.cursor);
        let before = stream.received;
        stream.limit = limit;
        if next > before {
            stream.received = next;
            stream.rejected = stream.rejected.filter(|(first, _)| *first >= next);
            while stream.clocks.front().is_some_and(|mark| mark.index < next) && stream.clocks_sent > 0 {
                stream.clocks.pop_front();
                stream.clocks_sent -= 1;
            }
            self.moved = true;
            let in_flight = self.in_flight();
            self.liveness.received(now, id, next, in_flight);
        }
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.has_unsent()
        {
            stream.waiting_since.get_or_insert(now);
        }
    }

    fn kept(&mut self, id: StreamId, next: FrameIndex) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if stream.keep(next.min(stream.sent)) {
            let next = stream.buffer.base();
            self.sums_changed = true;
            self.act(Action::Event(Event::Kept { stream: id, next }));
        }
    }

    fn rejected(&mut self, id: StreamId, first: FrameIndex, to: FrameIndex) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let to = to.min(stream.cursor);
        if first < stream.received || first >= to {
            return;
        }
        let times = stream.rejected.take_if(|(index, _)| *index == first).map_or(1, |(_, times)| times + 1);
        stream.cursor = first;
        stream.fetching = None;
        // The relay ignores what followed, the end too.
        stream.end_announced = false;
        if times < MAX_REJECTIONS {
            stream.rejected = Some((first, times));
        } else {
            let gap = stream.give_up(first, to, GapCause::Rejected);
            self.tell_gap(gap);
        }
    }

    fn transcript(&mut self, number: EventNumber, event: TranscriptEvent) {
        let Some(epoch) = self.epoch else { return };
        if number <= self.last_event {
            return;
        }
        if number > self.last_event.next() {
            let from = self.last_event.next();
            self.act(Action::Event(Event::HistoryTruncated { epoch, from, to: number }));
        }
        self.last_event = number;
        if let Some(stream) = self.streams.get_mut(&event.stream()) {
            // A relay that forgets before it says so must not tell this again.
            match &event {
                TranscriptEvent::Final(settled) => stream.heard = stream.heard.max(settled.to),
                TranscriptEvent::Gap(gap) if gap.from <= stream.heard => {
                    stream.heard = stream.heard.max(gap.to);
                }
                // Told ahead of the finals before it.
                TranscriptEvent::Gap(_) => {}
            }
        }
        self.act(Action::Event(Event::Transcript { epoch, number, event }));
    }

    /// Tells that a stream is kept, and forgets it once its finals are in, too.
    fn settle(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if !stream.is_kept() || !stream.ended {
            return;
        }
        // Without an engine it is never transcribed.
        stream.buffer.finish();
        let done = stream.is_transcribed();
        if !std::mem::replace(&mut stream.kept_told, true) {
            self.act(Action::Event(Event::StreamKept(id)));
        }
        if done {
            self.forget(id);
        }
    }

    fn in_flight(&self) -> bool {
        self.streams.values().any(crate::client::stream::SendStream::in_flight)
    }
}

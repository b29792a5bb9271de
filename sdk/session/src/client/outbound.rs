use std::time::Duration;

use bytes::BufMut;
use glasslink_protocol::{
    AudioMessage, ClientMessage, FrameIndex, Gap, GapCause, HEADER_BYTES, MAX_AUDIO_BYTES,
    MAX_FRAMES_PER_MESSAGE, StreamId,
};

use crate::Timestamp;
use crate::client::buffer::Kind;
use crate::client::session::Phase;
use crate::client::stream::SendStream;
use crate::client::{Action, ClientSession, ConnectionId, FetchedError};
use crate::defaults::{IN_FLIGHT, IN_FLIGHT_BYTES, MESSAGE_SPAN, SUMS_INTERVAL};

/// What a stream may send: a bucket of stream time that fills at the catch-up rate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    allowance: Duration,
    filled_at: Timestamp,
}

impl Pace {
    /// A full bucket.
    pub(crate) fn full(now: Timestamp, rate: u32, interval: Duration) -> Self {
        Self { allowance: interval * rate, filled_at: now }
    }

    fn fill(&mut self, now: Timestamp, rate: u32, interval: Duration) {
        let earned = now.since(self.filled_at) * rate;
        // Two intervals' worth, so that a timer that runs late costs no speed.
        self.allowance = (self.allowance + earned).min(interval * rate * 2);
        self.filled_at = now;
    }
}

impl ClientSession {
    /// Sends what may be sent now.
    pub(crate) fn pump(&mut self, now: Timestamp) {
        let Phase::Live { connection } = self.phase else { return };
        let ids: [Option<StreamId>; crate::defaults::MAX_STREAMS] = {
            let mut ids = [None; crate::defaults::MAX_STREAMS];
            // Newest first: what is said now goes before what is filled in behind.
            for (place, id) in ids.iter_mut().zip(self.streams.keys().rev()) {
                *place = Some(*id);
            }
            ids
        };
        for id in ids.into_iter().flatten() {
            self.announce(connection, id);
            while self.send_next(now, connection, id) {}
            self.announce_end(connection, id);
        }
        if self.sums_changed && now.since(self.sums_sent_at) >= SUMS_INTERVAL {
            self.sums_sent_at = now;
            self.send_sums(connection);
        }
    }

    /// When the next message is due.
    pub(crate) fn next_pump(&self) -> Option<Timestamp> {
        let messages = self.streams.values().filter_map(|stream| self.due(stream));
        let sums = self.sums_changed.then(|| self.sums_sent_at + SUMS_INTERVAL);
        messages.chain(sums).min()
    }

    pub(crate) fn send_sums(&mut self, connection: ConnectionId) {
        self.sums_changed = false;
        let streams = self.streams.values().map(SendStream::sums).collect();
        self.send(connection, &ClientMessage::Sums { streams });
    }

    /// Frames that [`Action::Fetch`] asked for, from `from` on. They go out at once.
    pub fn fetched<'a>(
        &mut self,
        now: Timestamp,
        stream: StreamId,
        from: FrameIndex,
        frames: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Result<(), FetchedError> {
        let Phase::Live { connection } = self.phase else { return Ok(()) };
        let unasked = FetchedError { stream, from };
        let sender = self.streams.get_mut(&stream).ok_or(unasked)?;
        let (wanted, to) = sender.fetching.take().ok_or(unasked)?;
        if wanted != from || frames.len() as u64 > to - from {
            return Err(unasked);
        }
        if frames.len() > 0 && sender.cursor == from {
            let count = frames.len() as u16;
            self.scratch.put_slice(&AudioMessage::header(stream, from, count));
            let prefixed = sender.format.frame_bytes().is_none();
            for frame in frames {
                if prefixed {
                    self.scratch.put_u16_le(frame.len() as u16);
                }
                self.scratch.put_slice(frame);
            }
            self.send_scratch(now, connection, stream, count);
        }
        self.pump(now);
        Ok(())
    }

    /// The journal does not have the frames it was asked for: they become a gap.
    pub fn fetch_failed(&mut self, now: Timestamp, stream: StreamId, from: FrameIndex, to: FrameIndex) {
        if let Some(sender) = self.streams.get_mut(&stream) {
            sender.fetching = None;
            let gap = sender.give_up(from, to, GapCause::Disk);
            self.tell_gap(gap);
            self.pump(now);
        }
    }

    fn announce(&mut self, connection: ConnectionId, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if !stream.announced {
            stream.announced = true;
            let open = ClientMessage::Open(stream.start());
            self.send(connection, &open);
        }
        let Some(stream) = self.streams.get_mut(&id) else { return };
        for mark in stream.unsent_clocks() {
            self.send(connection, &ClientMessage::Clock(mark));
        }
    }

    fn announce_end(&mut self, connection: ConnectionId, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if let Some(at) = stream.end
            && stream.cursor >= at
            && !stream.end_announced
        {
            stream.end_announced = true;
            self.send(connection, &ClientMessage::End { stream: id, at });
        }
    }

    /// Sends the next message of a stream. Says whether there may be another.
    fn send_next(&mut self, now: Timestamp, connection: ConnectionId, id: StreamId) -> bool {
        let interval = self.config.message_interval;
        let rate = self.config.catch_up_rate;
        let Some(stream) = self.streams.get_mut(&id) else { return false };
        if let Some(rate) = rate {
            stream.pace.fill(now, rate, interval);
        }
        let from = stream.cursor;
        let Some(item) = stream.buffer.item_at(from) else {
            stream.waiting_since = None;
            return false;
        };
        if let Kind::Gap(cause) = item.kind {
            let gap = Gap::new(id, from, item.to, cause, &stream.format);
            stream.advance(item.to);
            self.liveness.sent_audio(now, id, item.to);
            self.send(connection, &ClientMessage::Gap(gap));
            return true;
        }
        let ready = stream.end.is_some()
            || item.to < stream.buffer.next()
            || stream.format.duration(item.to - from) >= interval
            || stream.waiting_since.is_none_or(|since| now >= since + interval);
        let most = stream.sendable(item.to, rate.map(|rate| interval * rate));
        if !ready || most == 0 {
            return false;
        }
        if item.kind == Kind::Journal {
            if stream.fetching.is_none() {
                let to = from + most;
                stream.fetching = Some((from, to));
                self.act(Action::Fetch { stream: id, from, to });
            }
            return false;
        }
        let prefixed = stream.format.frame_bytes().is_none();
        let room = MAX_AUDIO_BYTES - HEADER_BYTES;
        let count = stream.buffer.fitting(item, most as usize, room, usize::from(prefixed) * 2);
        self.scratch.put_slice(&AudioMessage::header(id, from, count as u16));
        stream.buffer.write(item, count, prefixed, &mut self.scratch);
        self.send_scratch(now, connection, id, count as u16);
        true
    }

    /// Sends the audio message gathered in `scratch`, whose `count` frames begin at the stream's cursor.
    fn send_scratch(&mut self, now: Timestamp, connection: ConnectionId, id: StreamId, count: u16) {
        let message = self.scratch.split().freeze();
        self.sent_messages += 1;
        self.sent_bytes += message.len() as u64;
        if let Some(stream) = self.streams.get_mut(&id) {
            let to = stream.cursor + u64::from(count);
            stream.pace.allowance =
                stream.pace.allowance.saturating_sub(stream.format.duration(u64::from(count)));
            stream.advance(to);
            stream.waiting_since = (to < stream.buffer.next()).then_some(now);
            self.liveness.sent_audio(now, id, to);
        }
        self.act(Action::SendAudio { connection, message });
    }

    fn due(&self, stream: &SendStream) -> Option<Timestamp> {
        if !stream.has_unsent() || stream.fetching.is_some() {
            return None;
        }
        if stream.window() == 0 {
            return None;
        }
        let since = stream.waiting_since?;
        Some(since + self.config.message_interval)
    }
}

impl SendStream {
    /// How many of the frames before `to` may go into one message now. `portion`: what a paced stream may send each
    /// interval. It is sent at once and not as it is earned, which would be a message for every `received`.
    fn sendable(&self, to: FrameIndex, portion: Option<Duration>) -> u64 {
        let span = self.format.frames_in(MESSAGE_SPAN).clamp(1, u64::from(MAX_FRAMES_PER_MESSAGE));
        let there = (to - self.cursor).min(self.window()).min(span);
        let Some(portion) = portion else { return there };
        let allowed = self.format.frames_in(self.pace.allowance);
        let least = there.min(self.format.frames_in(portion).max(1));
        if allowed < least { 0 } else { there.min(allowed) }
    }

    /// Frames that may still go out before the relay has to say `received`, or to raise its limit.
    fn window(&self) -> u64 {
        let frame_bytes = self.format.frame_bytes().map_or(256, u64::from).max(1);
        let frames = self.format.frames_in(IN_FLIGHT).min(IN_FLIGHT_BYTES as u64 / frame_bytes).max(1);
        let flight = (self.received + frames).since(self.cursor);
        self.limit.map_or(flight, |limit| flight.min(limit.since(self.cursor)))
    }

    fn advance(&mut self, to: FrameIndex) {
        self.cursor = to;
        self.sent = self.sent.max(to);
    }
}

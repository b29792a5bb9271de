use bytes::Bytes;
use glasslink_protocol::{
    AudioMessage, AudioMessageError, Cause, ClientMessage, CloseCode, ErrorReport, FrameIndex, Gap, GapCause,
    HEADER_BYTES, RelayMessage, StreamId, StreamStart, StreamSums, TranscriptEvent,
};

use crate::Timestamp;
use crate::defaults::REARM_INTERVAL;
use crate::relay::{Attachment, RelayAction, RelayEvent, RelaySession};

impl RelaySession {
    /// A text message came. What cannot be understood ends the connection, with the reason.
    pub fn text(&mut self, now: Timestamp, attachment: Attachment, text: &str) {
        if !self.note_traffic(now, attachment) {
            return;
        }
        match ClientMessage::decode(text) {
            Ok(message) => self.message(now, message),
            Err(error) => self.protocol_error(now, &error.to_string()),
        }
    }

    /// A binary message came.
    pub fn audio(&mut self, now: Timestamp, attachment: Attachment, message: &Bytes) {
        if !self.note_traffic(now, attachment) {
            return;
        }
        match AudioMessage::decode(message) {
            Ok(AudioMessage { stream, first, count, .. }) => {
                self.frames(now, stream, first, count, message);
            }
            Err(AudioMessageError::UnknownKind(_)) => {}
            Err(error) => self.protocol_error(now, &error.to_string()),
        }
    }

    /// Something came that carries no message: it still proves life.
    pub fn traffic(&mut self, now: Timestamp, attachment: Attachment) {
        self.note_traffic(now, attachment);
    }

    /// Refuses the frames of a message. The client sends them again, three times at most.
    pub fn reject(&mut self, stream: StreamId, first: FrameIndex, to: FrameIndex, reason: &str) {
        if let Some(receiver) = self.streams.get_mut(&stream) {
            receiver.rejecting = true;
            let error = ErrorReport { message: reason.to_owned(), ..Cause::ProtocolError.report() };
            self.send(&RelayMessage::Rejected { stream, first, to, error });
        }
    }

    fn note_traffic(&mut self, now: Timestamp, attachment: Attachment) -> bool {
        match self.attached.as_mut() {
            Some(attached) if attached.attachment == attachment => {
                attached.last_traffic = now;
                true
            }
            _ => false,
        }
    }

    fn message(&mut self, now: Timestamp, message: ClientMessage) {
        match message {
            ClientMessage::Open(start) => self.open_live(now, &start),
            ClientMessage::Gap(gap) => self.gap(now, gap),
            ClientMessage::Clock(mark) => self.act(RelayAction::Event(RelayEvent::Clock(mark))),
            ClientMessage::End { stream, at } => self.end(now, stream, at),
            ClientMessage::Sums { streams } => self.check_sums(&streams),
            ClientMessage::AudioStalled { stream, rearms, given_up } => {
                // Who re-arms a source may be too busy to answer, and is not to be punished for it.
                if let Some(attached) = self.attached.as_mut().filter(|_| !given_up) {
                    attached.spared_until = now + REARM_INTERVAL;
                }
                self.act(RelayAction::Event(RelayEvent::AudioStalled { stream, rearms, given_up }));
            }
            ClientMessage::DeviceEvent(event) => self.act(RelayAction::Event(RelayEvent::Device(event))),
            ClientMessage::Capabilities(capabilities) => {
                self.act(RelayAction::Event(RelayEvent::Capabilities(capabilities)));
            }
            ClientMessage::RunApp { app, run } => {
                self.act(RelayAction::Event(RelayEvent::RunApp { app, run }));
            }
            ClientMessage::PingInterval { ping_ms } => {
                if let Some(attached) = &mut self.attached {
                    attached.pings(ping_ms);
                }
            }
            ClientMessage::Ping { id } => self.send(&RelayMessage::Pong { id }),
            ClientMessage::Bye => {
                self.act(RelayAction::Event(RelayEvent::Bye));
                self.detach_with(now, CloseCode::Normal);
            }
            ClientMessage::Hello { .. } => self.protocol_error(now, "a connection says hello once"),
            ClientMessage::Pong { .. } | ClientMessage::Unknown => {}
        }
    }

    fn open_live(&mut self, now: Timestamp, start: &StreamStart) {
        if !self.streams.contains_key(&start.stream) && !self.has_room_for(1) {
            self.protocol_error(now, "too many streams are open");
            return;
        }
        self.open(start);
    }

    fn frames(&mut self, now: Timestamp, id: StreamId, first: FrameIndex, count: u16, message: &Bytes) {
        let Some(stream) = self.streams.get_mut(&id) else {
            self.protocol_error(now, "audio of a stream that was not opened");
            return;
        };
        let end = first + u64::from(count);
        let received = stream.sums.received;
        if end <= received {
            stream.sums.duplicates += u64::from(count);
            return;
        }
        if stream.ended.is_some() || (stream.rejecting && first > received) {
            return;
        }
        if stream.is_beyond_limit(first) {
            self.protocol_error(now, "frames far beyond the limit");
            return;
        }
        let body = message.slice(HEADER_BYTES..);
        let audio = AudioMessage { stream: id, first, count, body: &body };
        let Ok(mut frames) = audio.frames(&stream.format) else {
            self.reject(id, first.max(received), end, "the frames do not fit the stream's format");
            return;
        };
        let known = received.since(first);
        let skipped: usize = match stream.format.frame_bytes() {
            Some(size) => known as usize * size as usize,
            None => frames.by_ref().take(known as usize).map(|frame| frame.len() + 2).sum(),
        };
        stream.sums.duplicates += known;
        stream.rejecting = false;
        let count = count - known as u16;
        let first = first.max(received);
        if first > received {
            // A client that skips frames without a word: the hole is told in its place.
            let gap = stream.skip_to(first, GapCause::Unknown);
            self.append(TranscriptEvent::Gap(gap));
            self.act(RelayAction::Event(RelayEvent::Gap(gap)));
        }
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.sums.frames += u64::from(count);
        stream.sums.received = end;
        let body = body.slice(skipped..);
        self.act(RelayAction::Event(RelayEvent::Frames { stream: id, first, count, body }));
        self.tell_marks(now, id);
    }

    fn gap(&mut self, now: Timestamp, gap: Gap) {
        if gap.from >= gap.to {
            self.protocol_error(now, "a gap that ends before it begins");
            return;
        }
        let Some(stream) = self.streams.get_mut(&gap.stream) else {
            self.protocol_error(now, "a gap in a stream that was not opened");
            return;
        };
        let received = stream.sums.received;
        if gap.to <= received || stream.ended.is_some() || (stream.rejecting && gap.from > received) {
            return;
        }
        stream.rejecting = false;
        let unexplained = (gap.from > received).then(|| stream.skip_to(gap.from, GapCause::Unknown));
        let told = stream.skip_to(gap.to, gap.cause);
        for gap in unexplained.into_iter().chain([told]) {
            self.append(TranscriptEvent::Gap(gap));
            self.act(RelayAction::Event(RelayEvent::Gap(gap)));
        }
        self.tell_marks(now, gap.stream);
    }

    fn end(&mut self, now: Timestamp, id: StreamId, at: FrameIndex) {
        let Some(stream) = self.streams.get_mut(&id) else {
            self.protocol_error(now, "the end of a stream that was not opened");
            return;
        };
        if stream.rejecting && at > stream.sums.received {
            return;
        }
        if stream.ended.is_none() {
            let missing = (at > stream.sums.received).then(|| stream.skip_to(at, GapCause::Unknown));
            let at = stream.sums.received;
            stream.ended = Some(at);
            if let Some(gap) = missing {
                self.append(TranscriptEvent::Gap(gap));
                self.act(RelayAction::Event(RelayEvent::Gap(gap)));
            }
            self.act(RelayAction::Event(RelayEvent::Ended { stream: id, at }));
        }
        self.send(&RelayMessage::Ended { stream: id });
        self.tell_marks(now, id);
    }

    fn check_sums(&mut self, streams: &[StreamSums]) {
        for sums in streams {
            let kept = self.streams.get(&sums.stream).map(|stream| stream.sums.kept.0);
            if !sums.balances() || kept.is_some_and(|kept| sums.acknowledged > kept) {
                self.act(RelayAction::Event(RelayEvent::LedgerMismatch(*sums)));
            }
        }
    }

    fn protocol_error(&mut self, now: Timestamp, reason: &str) {
        let report = ErrorReport { message: reason.to_owned(), ..Cause::ProtocolError.report() };
        self.send(&RelayMessage::Error(report));
        self.detach_with(now, CloseCode::ProtocolError);
    }
}
